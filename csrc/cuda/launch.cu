#include "cuda/launch.h"

#include <cuda_runtime.h>

#include "cuda/check.h"
#include "cuda/device/fold.cuh"
#include "cuda/device/gather.cuh"
#include "cuda/device/input.cuh"
#include "cuda/device/tensor.cuh"
#include "cuda/device/window.cuh"

namespace convscope::cuda {
namespace {

unsigned blocks(std::int64_t threads, int of_a_block) { return static_cast<unsigned>((threads + of_a_block - 1) / of_a_block); }

}  // namespace

void launch(const InputCall& call, Stream stream) {
    const std::int64_t threads = std::int64_t{call.samples} * call.length * (call.out_stride / chunk_channels);
    device::input_kernel<<<blocks(threads, device::input_threads), device::input_threads, 0, static_cast<cudaStream_t>(stream)>>>(
        call);
    check(cudaGetLastError(), "input");
}

void launch(const LayerCall& call, Precision precision, index width, index tiles, Stream stream) {
    device::with_tile(precision, width, [&](auto tile) {
        using Tile = decltype(tile);
        const auto kernel = device::tensor_kernel<Tile>;
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, Tile::shared_bytes), "shared memory");
        const dim3 grid(blocks(std::int64_t{call.samples} * call.rows, Tile::rows), static_cast<unsigned>(tiles));
        kernel<<<grid, Tile::threads, Tile::shared_bytes, static_cast<cudaStream_t>(stream)>>>(call);
        check(cudaGetLastError(), "layer");
    });
}

void launch_window(const LayerCall& call, Precision precision, index shared_bytes, Stream stream) {
    const auto launched = [&](auto tile) {
        using Tile = decltype(tile);
        const auto kernel = device::window_kernel<Tile>;
        const int bytes = static_cast<int>(shared_bytes > Tile::sums_bytes ? shared_bytes : Tile::sums_bytes);
        check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes), "shared memory");
        const unsigned grid = blocks(std::int64_t{call.samples} * call.rows, Tile::rows);
        kernel<<<grid, Tile::threads, bytes, static_cast<cudaStream_t>(stream)>>>(call);
        check(cudaGetLastError(), "layer");
    };
    if (precision == Precision::float32)
        launched(device::WindowTile<true>{});
    else
        launched(device::WindowTile<false>{});
}

void launch(const FoldCall& call, Stream stream) {
    const std::int64_t threads = std::int64_t{call.samples} * call.readouts * call.out_length;
    device::fold_kernel<<<blocks(threads, device::fold_threads), device::fold_threads, 0, static_cast<cudaStream_t>(stream)>>>(
        call);
    check(cudaGetLastError(), "fold");
}

void launch(const GatherCall& call, Stream stream) {
    const std::int64_t threads = std::int64_t{call.layer.samples} * call.layer.out_length;
    const unsigned grid = blocks(threads, device::gather_threads);
    device::gather_kernel<<<grid, device::gather_threads, 0, static_cast<cudaStream_t>(stream)>>>(call);
    check(cudaGetLastError(), "gather");
}

}  // namespace convscope::cuda
