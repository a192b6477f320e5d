// A map in device memory as the copy engine sees it: four dimensions, of which it moves boxes to and from shared memory.
#pragma once

#include <cstdint>

namespace convscope::cuda {

// Halves; the innermost dimension first. `strides` are the bytes from one element to the next of dimensions 1, 2 and 3.
struct MapShape {
    std::uint64_t sizes[4];
    std::uint64_t strides[3];
    std::uint32_t box[4];
};

// What the driver makes of it.
struct alignas(64) TensorMap {
    std::uint64_t opaque[16];
};

// Throws std::runtime_error with the driver's words.
TensorMap make_tensor_map(void* data, const MapShape& shape);

}  // namespace convscope::cuda
