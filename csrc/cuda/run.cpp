#include "cuda/run.h"

#include <algorithm>

#include "core/error.h"
#include "cuda/scales.h"

namespace convscope::cuda {
namespace {

// The images of map `which`; null beyond the plan's.
void set_images(const Plan& plan, const Workspace& space, std::byte* memory, std::size_t which, Half* (&images)[2]) {
    for (index image = 0; image < 2; ++image)
        images[image] = image < plan.images()
                            ? reinterpret_cast<Half*>(memory + space.maps[which] + image * space.map_bytes[which])
                            : nullptr;
}

template <class T>
const T* at(const std::byte* constants, index place) {
    return place < 0 ? nullptr : reinterpret_cast<const T*>(constants + place);
}

LayerCall layer_call(const LayerPlan& layer, const std::byte* constants) {
    const ConvBlock& block = layer.block;
    const Epilogue& epilogue = layer.epilogue;
    LayerCall call{};
    call.weights = at<Half>(constants, layer.at.weights);
    call.tiles = at<DeviceTile>(constants, layer.at.tiles);
    call.offsets = at<std::int32_t>(constants, layer.at.offsets);
    call.in_length = static_cast<std::int32_t>(block.in_length);
    call.in_stride = static_cast<std::int32_t>(padded_channels(block.in_channels));
    call.step = static_cast<std::int32_t>(block.step);
    call.rows = static_cast<std::int32_t>(block.rows());
    call.out_length = static_cast<std::int32_t>(block.out_length);
    call.out_channels = static_cast<std::int32_t>(block.out_channels);
    call.phases = static_cast<std::int32_t>(block.phases);
    call.unscale = at<float>(constants, layer.at.unscale);
    call.bias = at<float>(constants, layer.at.bias);
    call.slope = at<float>(constants, layer.at.slope);
    call.activation = static_cast<std::int32_t>(epilogue.activation);
    call.factor = epilogue.scale;
    call.out_stride = static_cast<std::int32_t>(padded_channels(block.out_channels));
    call.out_scale = at<float>(constants, layer.at.out_scale);
    call.reduction = static_cast<std::int32_t>(epilogue.reduction);
    call.before_activation = epilogue.before_activation;
    call.readouts = static_cast<std::int32_t>(epilogue.readouts);
    call.readout = at<float>(constants, layer.at.readout);
    call.slots = static_cast<std::int32_t>(layer.slots);
    return call;
}

// A map of `phases` interleaved parts, as boxes of 64 channels of one part by `box_rows` rows, of several samples where one has
// fewer. The map is half a kilobyte or more a row: strides are multiples of 16 bytes.
TensorMap map_of(Half* data, index channels, index phases, index rows, index samples, index box_rows) {
    constexpr index bytes = sizeof(Half), box_channels = block_chunks * chunk_channels;
    const index box_rows_of_sample = std::min(rows, box_rows);
    const auto wide = [](index value) { return static_cast<std::uint64_t>(value); };
    const auto narrow = [](index value) { return static_cast<std::uint32_t>(value); };
    return make_tensor_map(data,
                           {{wide(channels), wide(phases), wide(rows), wide(samples)},
                            {wide(channels * bytes), wide(phases * channels * bytes), wide(rows * phases * channels * bytes)},
                            {narrow(box_channels), 1, narrow(box_rows_of_sample), narrow(box_rows / box_rows_of_sample)}});
}

HopperCall hopper_call(const LayerPlan& layer, const LayerCall& call, Half* const (&input)[2]) {
    constexpr index rows_of_tile = 128, rows_of_group = 64;
    const ConvBlock& block = layer.block;
    HopperCall of_hopper{};
    of_hopper.layer = call;
    constexpr index rows_of_cluster = rows_of_tile * hopper_cluster;
    const index clusters = (call.samples * block.rows() + rows_of_cluster - 1) / rows_of_cluster;
    of_hopper.row_tiles = static_cast<std::int32_t>(clusters * hopper_cluster);
    of_hopper.column_tiles = static_cast<std::int32_t>(layer.tiles.size());
    for (int image = 0; image < 2; ++image) {
        if (input[image] != nullptr)
            of_hopper.input[image] =
                map_of(input[image], block.in_channels, block.step, block.rows(), call.samples, rows_of_tile);
        if (call.output[image] != nullptr)
            of_hopper.output[image] =
                map_of(call.output[image], block.out_channels, block.phases, block.rows(), call.samples, rows_of_group);
    }
    return of_hopper;
}

GatherCall gather_call(const LayerPlan& before, const LayerCall& call, const LayerPlan& last, const float* parts, float* series) {
    const FusedShape shape = fused_shape(before.block, last.block);
    return {call,
            parts,
            static_cast<std::int32_t>(before.block.rows()),
            static_cast<std::int32_t>(before.tiles.size()),
            static_cast<std::int32_t>(shape.first),
            static_cast<std::int32_t>(shape.period),
            series};
}

FoldCall fold_call(const LayerPlan& layer, const float* partials, index samples, float* series) {
    const ConvBlock& block = layer.block;
    return {partials,
            static_cast<std::int32_t>(samples),
            static_cast<std::int32_t>(block.rows() * block.phases),
            static_cast<std::int32_t>(layer.slots),
            static_cast<std::int32_t>(layer.epilogue.readouts),
            static_cast<std::int32_t>(block.out_length),
            static_cast<std::int32_t>(block.out_channels),
            static_cast<std::int32_t>(layer.epilogue.reduction),
            series};
}

// Some samples on their way through the layers.
struct Chunk {
    const Plan& plan;
    const std::byte* constants;
    std::byte* memory;
    Workspace space;
    index samples;
    Stream stream;

    float* floats(index place) const { return reinterpret_cast<float*>(memory + place); }
};

void feed(const Chunk& chunk, const Input& input, index first) {
    const ConvBlock& block = chunk.plan.layers.front().block;
    InputCall call{input.data + first * input.sample_stride,
                   input.sample_stride,
                   input.channel_stride,
                   input.position_stride,
                   static_cast<std::int32_t>(chunk.samples),
                   static_cast<std::int32_t>(block.in_length),
                   static_cast<std::int32_t>(block.in_channels),
                   static_cast<std::int32_t>(padded_channels(block.in_channels)),
                   input_scale,
                   {}};
    set_images(chunk.plan, chunk.space, chunk.memory, 0, call.to);
    launch(call, chunk.stream);
}

// Layer `i`; a null `series` is one that nobody wants.
void run_layer(const Chunk& chunk, std::size_t i, float* series) {
    const Plan& plan = chunk.plan;
    const LayerPlan& layer = plan.layers[i];
    LayerCall call = layer_call(layer, chunk.constants);
    call.samples = static_cast<std::int32_t>(chunk.samples);
    float* const partials = chunk.floats(chunk.space.partials);
    float* const fused = chunk.floats(chunk.space.fused);
    if (layer.kernel == Kernel::fused) {
        if (series != nullptr) launch(gather_call(plan.layers[i - 1], call, layer, fused, series), chunk.stream);
        return;
    }
    Half* input[2];
    set_images(plan, chunk.space, chunk.memory, i % 2, input);
    std::copy(input, input + 2, call.input);
    if (layer.is_stored()) set_images(plan, chunk.space, chunk.memory, (i + 1) % 2, call.output);
    if (series != nullptr) call.partials = partials;
    if (layer.kernel == Kernel::hopper) {
        HopperCall of_hopper = hopper_call(layer, call, input);
        if (layer.computes_next) of_hopper.fused = {at<Half>(chunk.constants, plan.layers[i + 1].at.weights), fused};
        launch(of_hopper, plan.precision, chunk.stream);
    } else if (layer.kernel == Kernel::window) {
        launch_window(call, plan.precision, window_bytes(layer.block, plan.precision), chunk.stream);
    } else {
        launch(call, plan.precision, layer.width, static_cast<index>(layer.tiles.size()), chunk.stream);
    }
    if (series != nullptr) launch(fold_call(layer, partials, chunk.samples, series), chunk.stream);
}

}  // namespace

void run(const Plan& plan, const std::byte* constants, std::byte* memory, index chunk, const Input& input, index batch,
         std::span<float* const> series, Stream stream) {
    require(chunk >= 1 && chunk <= largest_chunk(plan), "cuda", "expected a chunk of 1 to ", largest_chunk(plan),
            " samples, got ", chunk);
    require(series.size() == plan.layers.size(), "cuda", "expected ", plan.layers.size(), " series, got ", series.size());
    const Workspace space = workspace(plan, std::min(chunk, batch));
    for (index first = 0; first < batch; first += chunk) {
        const Chunk part{plan, constants, memory, space, std::min(chunk, batch - first), stream};
        feed(part, input, first);
        for (std::size_t i = 0; i < plan.layers.size(); ++i)
            run_layer(part, i, series[i] == nullptr ? nullptr : series[i] + first * plan.layers[i].series_floats());
    }
}

}  // namespace convscope::cuda
