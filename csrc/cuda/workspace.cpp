#include "cuda/workspace.h"

#include <algorithm>

namespace convscope::cuda {
namespace {

constexpr index alignment = 1024;
constexpr index most_rows = (index{1} << 31) - 1024;  // of a chunk: kernels count them in 32 bits

index aligned(index bytes) { return (bytes + alignment - 1) / alignment * alignment; }

index input_bytes(const LayerPlan& layer, index samples) {
    return aligned(samples * layer.block.in_length * padded_channels(layer.block.in_channels) * static_cast<index>(sizeof(Half)));
}

}  // namespace

Workspace workspace(const Plan& plan, index samples) {
    Workspace space{};
    index partials = 0, fused = 0;
    for (std::size_t i = 0; i < plan.layers.size(); ++i) {
        const LayerPlan& layer = plan.layers[i];
        fused = std::max(fused, layer.fused_floats() * samples);
        if (layer.kernel == Kernel::fused) continue;
        space.map_bytes[i % 2] = std::max(space.map_bytes[i % 2], input_bytes(layer, samples));
        partials = std::max(partials, layer.partial_floats() * samples);
    }
    space.maps[1] = plan.images() * space.map_bytes[0];
    space.partials = space.maps[1] + plan.images() * space.map_bytes[1];
    space.fused = space.partials + aligned(partials * static_cast<index>(sizeof(float)));
    space.bytes = space.fused + aligned(fused * static_cast<index>(sizeof(float)));
    return space;
}

index largest_chunk(const Plan& plan) {
    index rows = 1;
    for (const LayerPlan& layer : plan.layers) rows = std::max(rows, layer.block.rows());
    return most_rows / rows;
}

}  // namespace convscope::cuda
