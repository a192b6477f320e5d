#include "cuda/plan.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "core/error.h"
#include "cuda/scales.h"

namespace convscope::cuda {
namespace {

constexpr index window_width = 32;                   // columns of the window kernel
constexpr index alignment = 256;                     // of a constant's first byte
constexpr index largest_positions = index{1} << 30;  // kernels count them in 32 bits

template <class T>
index append(std::vector<std::byte>& bytes, const std::vector<T>& values) {
    const std::size_t place = (bytes.size() + alignment - 1) / alignment * alignment, size = values.size() * sizeof(T);
    bytes.resize(place + size);
    if (size > 0) std::memcpy(bytes.data() + place, values.data(), size);
    return static_cast<index>(place);
}

// The width that leaves fewest columns empty, the widest of several.
index best_width(const ConvBlock& block, Kernel kernel, Precision precision) {
    index best = 0, fewest = 0;
    for (index width : tile_widths(kernel, precision)) {
        index chunks = 0;
        for (const ColumnTile& tile : column_tiles(block, width)) chunks += width * tile_blocks(block, tile);
        if (best == 0 || chunks < fewest) best = width, fewest = chunks;
    }
    return best;
}

Kernel best_kernel(const Layer& layer, Precision precision, Target target) {
    if (suits_window(layer.block, precision)) return Kernel::window;
    const bool is_hopper = target == Target::hopper && suits_hopper(layer.block, layer.epilogue.activation);
    return is_hopper ? Kernel::hopper : Kernel::tensor;
}

// Into tiles, those of most steps first.
void cut(LayerPlan& layer, Precision precision) {
    const ConvBlock& block = layer.block;
    layer.width = best_width(block, layer.kernel, precision);
    layer.tiles = column_tiles(block, layer.width);
    std::sort(layer.tiles.begin(), layer.tiles.end(), [&](const ColumnTile& a, const ColumnTile& b) {
        const index of_a = tile_blocks(block, a), of_b = tile_blocks(block, b);
        return of_a > of_b || (of_a == of_b && a.first < b.first);
    });
    layer.slots = (block.out_channels + layer.width - 1) / layer.width;
}

std::vector<float> as_floats(const std::vector<double>& values) { return {values.begin(), values.end()}; }

std::vector<float> bias_of_phases(const Layer& layer) {
    const index wanted = layer.block.phases * layer.block.out_channels;
    std::vector<float> bias = layer.weights.bias;
    while (static_cast<index>(bias.size()) < wanted)
        bias.insert(bias.end(), layer.weights.bias.begin(), layer.weights.bias.end());
    return bias;
}

void pack_tiles(const Layer& layer, LayerPlan& plan, bool is_split, std::vector<std::byte>& constants) {
    std::vector<DeviceTile> tiles;
    std::vector<std::int32_t> offsets;
    std::vector<Half> weights;
    for (const ColumnTile& tile : plan.tiles) {
        const index phase_column = tile.first / layer.block.out_channels * layer.block.out_channels;
        tiles.push_back({static_cast<std::int32_t>(tile.first), static_cast<std::int32_t>(tile.count),
                         static_cast<std::int32_t>((tile.first - phase_column) / plan.width),
                         static_cast<std::int32_t>(offsets.size()), static_cast<std::int32_t>(tile.offsets.size()),
                         static_cast<std::int32_t>(tile_blocks(layer.block, tile)), static_cast<std::int64_t>(weights.size())});
        offsets.insert(offsets.end(), tile.offsets.begin(), tile.offsets.end());
        const std::vector<Half> packed =
            pack_tile(layer.block, layer.weights.kernel, tile, plan.width, {plan.in_scales, plan.weight_scales}, is_split);
        weights.insert(weights.end(), packed.begin(), packed.end());
    }
    plan.weight_bytes = static_cast<index>(weights.size() * sizeof(Half));
    plan.at.weights = append(constants, weights);
    plan.at.tiles = append(constants, tiles);
    plan.at.offsets = append(constants, offsets);
}

// For the tiles of the layer before, in their order.
void pack_fused_tiles(const Layer& layer, const LayerPlan& before, LayerPlan& plan, bool is_split,
                      std::vector<std::byte>& constants) {
    std::vector<Half> weights;
    for (const ColumnTile& tile : before.tiles) {
        const std::vector<Half> packed = pack_fused(before.block, tile, before.width, layer.block, layer.weights.kernel,
                                                    {plan.in_scales, plan.weight_scales}, is_split);
        weights.insert(weights.end(), packed.begin(), packed.end());
    }
    plan.weight_bytes = static_cast<index>(weights.size() * sizeof(Half));
    plan.at.weights = append(constants, weights);
}

void pack_epilogue(const Layer& layer, LayerPlan& plan, std::vector<std::byte>& constants) {
    std::vector<double> unscale;
    unscale.reserve(plan.weight_scales.size());
    for (double scale : plan.weight_scales) unscale.push_back(1 / scale);
    plan.at.unscale = append(constants, as_floats(unscale));
    plan.at.bias = append(constants, bias_of_phases(layer));
    if (!layer.weights.slope.empty()) plan.at.slope = append(constants, layer.weights.slope);
    if (!plan.out_scales.empty()) plan.at.out_scale = append(constants, as_floats(plan.out_scales));
    if (!layer.weights.readout.empty()) plan.at.readout = append(constants, layer.weights.readout);
}

}  // namespace

index window_bytes(const ConvBlock& block, Precision precision) {
    constexpr index rows_of_tile = 128;
    const std::vector<ColumnTile> tiles = column_tiles(block, window_width);
    const std::vector<index>& offsets = tiles.front().offsets;
    const index images = precision == Precision::float32 ? 2 : 1;
    const index inputs = (rows_of_tile + offsets.back() - offsets.front()) * padded_channels(block.in_channels);
    const index weights = tile_blocks(block, tiles.front()) * window_width * block_chunks * chunk_channels;
    return images * (inputs + weights) * static_cast<index>(sizeof(Half));
}

bool suits_window(const ConvBlock& block, Precision precision) {
    constexpr index channels = block_chunks * chunk_channels, rows_of_tile = 128, most_bytes = 96 * 1024;
    return block.step == 1 && block.phases * block.out_channels <= window_width && block.in_channels % channels == 0 &&
           block.rows() % rows_of_tile == 0 && !block.taps.empty() && window_bytes(block, precision) <= most_bytes;
}

bool suits_hopper(const ConvBlock& block, Activation activation) {
    constexpr index channels = block_chunks * chunk_channels, rows_of_tile = 128, rows_of_group = 64;
    const index rows = block.rows();
    const bool is_whole = block.in_channels % channels == 0 && block.out_channels % channels == 0 &&
                          block.in_length == rows * block.step && block.out_length == rows * block.phases;
    const bool is_light = activation != Activation::tanh && activation != Activation::sigmoid;
    return is_light && is_whole && (rows_of_group % rows == 0 || rows % rows_of_tile == 0);
}

std::span<const index> tile_widths(Kernel kernel, Precision precision) {
    static constexpr index of_tensor_float16[] = {128, 64, 32}, of_tensor_float32[] = {64, 32};
    static constexpr index of_hopper_float16[] = {256}, of_hopper_float32[] = {128};
    static constexpr index of_window[] = {window_width};
    if (kernel == Kernel::window) return of_window;
    if (kernel == Kernel::hopper) return precision == Precision::float32 ? of_hopper_float32 : of_hopper_float16;
    if (precision == Precision::float32) return of_tensor_float32;
    return of_tensor_float16;
}

index LayerPlan::partial_floats() const {
    return epilogue.reduction == Reduction::none ? 0 : block.rows() * block.phases * slots * epilogue.readouts;
}

index LayerPlan::fused_floats() const {
    return computes_next ? block.rows() * static_cast<index>(tiles.size()) * fused_outputs : 0;
}

index LayerPlan::series_floats() const {
    return epilogue.reduction == Reduction::none ? 0 : block.out_length * epilogue.readouts;
}

Plan make_plan(std::vector<Layer> layers, Precision precision, Target target) {
    check_layers(layers);
    Plan plan{precision, {}, {}};
    std::vector<Moments> values(layers.front().block.in_channels, expected_input);
    std::vector<double> scales(values.size(), input_scale);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const Layer& layer = layers[i];
        const ConvBlock& block = layer.block;
        require(block.in_length < largest_positions && block.rows() * std::max(block.step, block.phases) < largest_positions,
                "cuda", "layer ", i, ": expected fewer than ", largest_positions, " positions, got ", block.in_length, " and ",
                block.out_length);
        LayerPlan& of_layer = plan.layers.emplace_back();
        of_layer.block = block;
        of_layer.epilogue = layer.epilogue;
        const bool is_fused = i > 0 && plan.layers[i - 1].computes_next;
        of_layer.kernel = is_fused ? Kernel::fused : best_kernel(layer, precision, target);
        if (!is_fused) cut(of_layer, precision);
        of_layer.computes_next =
            of_layer.kernel == Kernel::hopper && i + 2 == layers.size() && suits_fusion(block, layers[i + 1].block);
        of_layer.in_scales = scales;
        of_layer.weight_scales = weight_scales(layer, scales);
        Expected expected = expected_outputs(layer, values);
        scales.clear();
        for (double magnitude : expected.magnitudes) scales.push_back(map_scale(magnitude));
        if (i + 1 < layers.size()) of_layer.out_scales = scales;
        if (is_fused)
            pack_fused_tiles(layer, plan.layers[i - 1], of_layer, precision == Precision::float32, plan.constants);
        else
            pack_tiles(layer, of_layer, precision == Precision::float32, plan.constants);
        pack_epilogue(layer, of_layer, plan.constants);
        values = std::move(expected.values);
        layers[i].weights = {};
    }
    return plan;
}

}  // namespace convscope::cuda
