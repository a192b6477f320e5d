#include "core/program.h"

#include <algorithm>
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

constexpr index most_threads = 256;

}  // namespace

Program::Program(std::vector<Layer> layers, Isa isa) : isa_(isa) {
    check_layers(layers);
    stages_ = plan_stages(layers, kernels(isa));
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
