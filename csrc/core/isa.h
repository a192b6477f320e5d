// Which instruction set the kernels use: the best the processor has, or the one CONVSCOPE_ISA names.
#pragma once

#include <string>
#include <vector>

namespace convscope {

enum class Isa { baseline, neon, avx2, avx512 };

const char* name(Isa isa);

// Those this build holds and this processor can run, plainest first; `baseline` is always among them.
std::vector<Isa> available_isas();

// Whether this build and this processor can multiply bfloat16 numbers beside the kernels of `isa`.
bool has_bfloat16(Isa isa);

// The best available one, or CONVSCOPE_ISA. Throws std::invalid_argument when the variable names one that is unknown or
// cannot run here: a silent second choice would make a comparison meaningless.
Isa selected_isa();

}  // namespace convscope
