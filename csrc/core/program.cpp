#include "core/program.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>
#include <utility>

#include "core/error.h"
#include "core/planning.h"

namespace convscope {

MapLayout input_layout(const ConvBlock& block) {
    MapLayout layout;
    layout.length = block.in_length;
    layout.channels = block.in_channels;
    // From 64 channels on, one extra cache line per position: rows of a power of two would share one cache set.
    layout.stride = block.in_channels < 64 ? block.in_channels : block.in_channels + 16;
    for (const Tap& tap : block.taps) {
        layout.halo_left = std::max(layout.halo_left, -tap.offset);
        layout.halo_right = std::max(layout.halo_right, (block.rows() - 1) * block.step + tap.offset - block.in_length + 1);
    }
    return layout;
}

namespace {

// Far beyond any sound, and two of them can be multiplied.
constexpr index largest_offset = index{1} << 31, largest_size = index{1} << 31;
constexpr index most_threads = 256;

void check(const Layer& layer, index number) {
    const ConvBlock& block = layer.block;
    const std::string at = "layer " + std::to_string(number) + ": ";
    const auto wants = [&](bool holds, const auto&... parts) { require(holds, "conv_block", at, parts...); };
    for (index size : {block.in_length, block.in_channels, block.out_length, block.out_channels, block.step, block.phases})
        wants(size < largest_size, "expected sizes below ", largest_size, ", got ", size);
    wants(block.in_length > 0 && block.in_channels > 0, "expected a non-empty input, got length ", block.in_length,
          " and channels ", block.in_channels);
    wants(block.out_length > 0 && block.out_channels > 0, "expected a non-empty output, got length ", block.out_length,
          " and channels ", block.out_channels);
    wants(block.step > 0 && block.phases > 0, "expected step and phases of at least 1, got ", block.step, " and ", block.phases);

    const index matrix = block.in_channels * block.out_channels, kernel = static_cast<index>(layer.weights.kernel.size());
    wants(kernel % matrix == 0, "expected weights (slots, ", block.in_channels, ", ", block.out_channels, "), got ", kernel,
          " values");
    for (const Tap& tap : block.taps) {
        wants(tap.phase >= 0 && tap.phase < block.phases, "expected tap phases below ", block.phases, ", got ", tap.phase);
        wants(tap.slot >= 0 && tap.slot < kernel / matrix, "expected tap slots below ", kernel / matrix, ", got ", tap.slot);
        wants(std::abs(tap.offset) < largest_offset, "expected tap offsets within ", largest_offset, " positions, got ",
              tap.offset);
    }

    const index bias = static_cast<index>(layer.weights.bias.size());
    wants(bias == block.out_channels || bias == block.phases * block.out_channels, "expected a bias of ", block.out_channels,
          " or ", block.phases, " x ", block.out_channels, " values, got ", bias);

    const Epilogue& epilogue = layer.epilogue;
    const index slope = static_cast<index>(layer.weights.slope.size());
    const index slopes = epilogue.activation == Activation::leaky_relu ? block.out_channels : 0;
    wants(slope == slopes, "expected ", slopes, " slopes, got ", slope);
    wants(epilogue.readouts >= 1 && (epilogue.readouts == 1 || epilogue.reduction == Reduction::readout),
          "expected one series unless the reduction is a readout, got ", epilogue.readouts);
    const index readout = static_cast<index>(layer.weights.readout.size());
    const index wanted = epilogue.reduction == Reduction::readout ? epilogue.readouts * block.out_channels : 0;
    wants(readout == wanted, "expected a readout of ", wanted, " values, got ", readout);
}

// A tap that no row finds inside the sample only multiplies zeros; without it the halo is no longer than the map.
void drop_idle_taps(ConvBlock& block) {
    const index last = (block.rows() - 1) * block.step;
    std::erase_if(block.taps, [&](const Tap& tap) { return tap.offset >= block.in_length || last + tap.offset < 0; });
}

}  // namespace

Program::Program(std::vector<Layer> layers, Isa isa) : isa_(isa) {
    require(!layers.empty(), "program", "expected at least one layer, got none");
    const Kernels& chosen = kernels(isa);
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const ConvBlock& block = layers[i].block;
        check(layers[i], static_cast<index>(i));
        drop_idle_taps(layers[i].block);
        if (i == 0) continue;
        const ConvBlock& before = layers[i - 1].block;
        require(before.out_length == block.in_length && before.out_channels == block.in_channels, "program", "layer ", i,
                ": expected an input of ", before.out_length, " positions x ", before.out_channels, " channels, got ",
                block.in_length, " x ", block.in_channels);
    }
    stages_ = plan_stages(layers, chosen);
}

Program::~Program() = default;

const char* Program::form(index layer) const {
    require(layer >= 0 && layer < layer_count(), "program", "expected a layer below ", layer_count(), ", got ", layer);
    return stages_[layer].operation->form();
}

index Program::series_floats(index layer) const { return stages_[layer].series_floats(); }

std::vector<index> Program::layer_weight_bytes() const {
    std::vector<index> bytes;
    bytes.reserve(stages_.size());
    for (const Stage& stage : stages_) bytes.push_back(stage.operation->weight_bytes());
    return bytes;
}

index Program::weight_bytes() const {
    const std::vector<index> bytes = layer_weight_bytes();
    return std::accumulate(bytes.begin(), bytes.end(), index{0});
}

index Program::workspace_bytes(index batch, index thread_count) const {
    require(batch >= 0 && thread_count >= 1, "program", "expected a batch and at least one thread, got ", batch, " and ",
            thread_count);
    const index floats = Workspace().reserve(stages_, batch, std::min(thread_count, most_threads), true);
    return floats * static_cast<index>(sizeof(float));
}

std::unique_ptr<Workspace> Program::take_workspace() const {
    std::lock_guard lock(workspace_mutex_);
    return spare_workspace_ ? std::move(spare_workspace_) : std::make_unique<Workspace>();
}

void Program::give_workspace(std::unique_ptr<Workspace> workspace) const {
    std::lock_guard lock(workspace_mutex_);
    spare_workspace_ = std::move(workspace);
}

void Program::run(const float* input, index batch, std::span<float* const> series, index thread_count) const {
    require(static_cast<index>(series.size()) == layer_count(), "program", "expected ", layer_count(), " series, got ",
            series.size());
    require(thread_count >= 1, "program", "expected at least one thread, got ", thread_count);
    if (batch == 0) return;
    thread_count = std::min(thread_count, most_threads);

    std::unique_ptr<Workspace> workspace = take_workspace();
    workspace->reserve(stages_, batch, thread_count);
    Team team(thread_count);
    Flow(stages_, *workspace, team, thread_count, series).run(input, batch);
    give_workspace(std::move(workspace));
}

}  // namespace convscope
