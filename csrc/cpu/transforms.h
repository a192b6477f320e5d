// What kernels.h says of the transforms, of one instruction set.
#pragma once

#include "cpu/kernels.h"

namespace convscope::CONVSCOPE_ISA {

void transform_inputs(const Transforms&, const float* from, index from_stride, float* scratch, float* to, index to_stride);
void transform_products(const Transforms&, const float* products, const float* const ends[2], index rows, float* scratch,
                        float* to);

}  // namespace convscope::CONVSCOPE_ISA
