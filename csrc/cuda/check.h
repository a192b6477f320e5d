#pragma once

#include <cuda_runtime_api.h>

#include <stdexcept>
#include <string>

namespace convscope::cuda {

// Throws std::runtime_error with the driver's words.
inline void check(cudaError_t status, const char* what) {
    if (status != cudaSuccess) throw std::runtime_error("cuda: " + std::string(what) + ": " + cudaGetErrorString(status));
}

}  // namespace convscope::cuda
