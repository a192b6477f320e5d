// The memory that a chunk of samples is computed in.
#pragma once

#include "cuda/plan.h"

namespace convscope::cuda {

// In bytes. A layer reads one map and writes the other.
struct Workspace {
    index maps[2];       // where each begins
    index map_bytes[2];  // of one image
    index partials;
    index fused;  // what the layer before a fused one leaves for it
    index bytes;
};
Workspace workspace(const Plan& plan, index samples);

// The most samples that kernels can count at a time.
index largest_chunk(const Plan& plan);

}  // namespace convscope::cuda
