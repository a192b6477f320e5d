// Compiled for compute capability 9.0 alone.
#include <cudaTypedefs.h>

#include <algorithm>
#include <cstring>

#include "cuda/check.h"
#include "cuda/device/hopper.cuh"
#include "cuda/launch.h"

namespace convscope::cuda {
namespace {

// The driver's function, found without linking to it.
PFN_cuTensorMapEncodeTiled_v12000 encoder() {
    static const auto found = [] {
        void* function = nullptr;
        cudaDriverEntryPointQueryResult result{};
        check(cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000, cudaEnableDefault, &result),
              "cuTensorMapEncodeTiled");
        if (result != cudaDriverEntryPointSuccess) check(cudaErrorSymbolNotFound, "cuTensorMapEncodeTiled");
        return reinterpret_cast<PFN_cuTensorMapEncodeTiled_v12000>(function);
    }();
    return found;
}

template <class Tile>
void launch_tiles(const HopperCall& call, cudaStream_t stream) {
    int device = 0, processors = 0;
    check(cudaGetDevice(&device), "device");
    check(cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device), "multiprocessors");
    const auto kernel = device::hopper_kernel<Tile>;
    check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::shared_bytes), "shared memory");
    const int blocks = std::min(call.row_tiles * call.column_tiles, processors / hopper_cluster * hopper_cluster);
    kernel<<<blocks, Tile::threads, Tile::shared_bytes, stream>>>(call);
    check(cudaGetLastError(), "layer");
}

}  // namespace

TensorMap make_tensor_map(void* data, const MapShape& shape) {
    constexpr std::uint32_t dense[4] = {1, 1, 1, 1};
    CUtensorMap made{};
    const CUresult status = encoder()(&made, CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4, data, shape.sizes, shape.strides, shape.box,
                                      dense, CU_TENSOR_MAP_INTERLEAVE_NONE, CU_TENSOR_MAP_SWIZZLE_128B,
                                      CU_TENSOR_MAP_L2_PROMOTION_L2_256B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
    if (status != CUDA_SUCCESS) throw std::runtime_error("cuda: tensor map: error " + std::to_string(status));
    TensorMap map{};
    static_assert(sizeof map == sizeof made);
    std::memcpy(&map, &made, sizeof map);
    return map;
}

void launch(const HopperCall& call, Precision precision, Stream stream) {
    device::with_hopper_tile(call, precision,
                             [&](auto tile) { launch_tiles<decltype(tile)>(call, static_cast<cudaStream_t>(stream)); });
}

}  // namespace convscope::cuda
