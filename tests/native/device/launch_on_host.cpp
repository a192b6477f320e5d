// csrc/cuda/launch.h on the stand-in machine: every launch has run when it returns.
#include "cuda/launch.h"

#include <algorithm>
#include <cstring>

#include "cuda/device/fold.cuh"
#include "cuda/device/gather.cuh"
#include "cuda/device/hopper.cuh"
#include "cuda/device/input.cuh"
#include "cuda/device/tensor.cuh"
#include "cuda/device/window.cuh"

namespace convscope::cuda {
namespace {

using convscope::device::Machine;

unsigned blocks(index threads, index of_a_block) { return static_cast<unsigned>((threads + of_a_block - 1) / of_a_block); }

}  // namespace

void launch(const InputCall& call, Stream /*stream*/) {
    const index threads = static_cast<index>(call.samples) * call.length * (call.out_stride / chunk_channels);
    Machine::launch({blocks(threads, device::input_threads), 1, 1}, device::input_threads, 0,
                    [&] { device::input_kernel(call); });
}

void launch(const LayerCall& call, Precision precision, index width, index tiles, Stream /*stream*/) {
    device::with_tile(precision, width, [&](auto tile) {
        using Tile = decltype(tile);
        device::copies_of_thread.clear();
        Machine::launch({blocks(static_cast<index>(call.samples) * call.rows, Tile::rows), static_cast<unsigned>(tiles), 1},
                        Tile::threads, Tile::shared_bytes, [&] { device::tensor_kernel<Tile>(call); });
    });
}

void launch_window(const LayerCall& call, Precision precision, index shared_bytes, Stream /*stream*/) {
    const auto launched = [&](auto tile) {
        using Tile = decltype(tile);
        device::copies_of_thread.clear();
        Machine::launch({blocks(static_cast<index>(call.samples) * call.rows, Tile::rows), 1, 1}, Tile::threads,
                        static_cast<std::size_t>(std::max<index>(shared_bytes, Tile::sums_bytes)),
                        [&] { device::window_kernel<Tile>(call); });
    };
    if (precision == Precision::float32)
        launched(device::WindowTile<true>{});
    else
        launched(device::WindowTile<false>{});
}

TensorMap make_tensor_map(void* data, const MapShape& shape) {
    const device::HostMap host{data, shape};
    TensorMap map{};
    std::memcpy(&map, &host, sizeof host);
    return map;
}

void launch(const HopperCall& call, Precision precision, Stream /*stream*/) {
    device::with_hopper_tile(call, precision, [&](auto tile) {
        using Tile = decltype(tile);
        device::engine = {};
        // Fewer blocks than tiles, so that each takes several.
        const int clusters = std::max(call.row_tiles * call.column_tiles / hopper_cluster / 2, 1);
        Machine::launch(
            {static_cast<unsigned>(clusters * hopper_cluster), 1, 1}, Tile::threads, Tile::shared_bytes,
            [&] { device::hopper_kernel<Tile>(call); }, hopper_cluster);
    });
}

void launch(const FoldCall& call, Stream /*stream*/) {
    const index threads = static_cast<index>(call.samples) * call.readouts * call.out_length;
    Machine::launch({blocks(threads, device::fold_threads), 1, 1}, device::fold_threads, 0, [&] { device::fold_kernel(call); });
}

void launch(const GatherCall& call, Stream /*stream*/) {
    const index threads = static_cast<index>(call.layer.samples) * call.layer.out_length;
    Machine::launch({blocks(threads, device::gather_threads), 1, 1}, device::gather_threads, 0,
                    [&] { device::gather_kernel(call); });
}

}  // namespace convscope::cuda
