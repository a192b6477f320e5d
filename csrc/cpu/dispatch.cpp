// From an instruction set's name to its kernels. CMake defines CONVSCOPE_HAS_x for each set this build holds.
#include "core/error.h"
#include "cpu/kernels.h"

namespace convscope {

namespace baseline {
const Kernels& table();
}
namespace neon {
const Kernels& table();
}
namespace avx2 {
const Kernels& table();
}
namespace avx512 {
const Kernels& table();
}
namespace avx512_bf16 {
const Bfloat16Kernels& table();
}

const Kernels& kernels(Isa isa) {
    switch (isa) {
        case Isa::baseline: return baseline::table();
#ifdef CONVSCOPE_HAS_neon
        case Isa::neon: return neon::table();
#endif
#ifdef CONVSCOPE_HAS_avx2
        case Isa::avx2: return avx2::table();
#endif
#ifdef CONVSCOPE_HAS_avx512
        case Isa::avx512: return avx512::table();
#endif
        default: break;
    }
    throw_invalid("kernels", "this build holds no kernels for ", name(isa));
}

const Bfloat16Kernels* bfloat16_kernels([[maybe_unused]] Isa isa) {
#ifdef CONVSCOPE_HAS_avx512_bf16
    if (has_bfloat16(isa)) return &avx512_bf16::table();
#endif
    return nullptr;
}

}  // namespace convscope
