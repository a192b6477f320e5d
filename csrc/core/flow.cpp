#include "core/flow.h"

#include <algorithm>
#include <bit>

namespace convscope {
namespace {

constexpr index map_slack = 64;  // floats past the last position that a whole panel of columns may touch

// Rows per thread for which a layer's weights are worth reading once.
constexpr index rows_at_once = 64;

// A power of two, so that what one layer delivers always fills the next one's wish evenly.
index samples_at_once(const Stage& stage, index thread_count) {
    const index rows = stage.operation->rows_per_sample();
    return static_cast<index>(std::bit_ceil(static_cast<std::size_t>((rows_at_once * thread_count + rows - 1) / rows)));
}

void zero_halo(const MapLayout& layout, index batch, float* map) {
    for (index sample = 0; sample < batch; ++sample) {
        std::fill_n(layout.at(map, sample, -layout.halo_left), layout.halo_left * layout.stride, 0.0f);
        std::fill_n(layout.at(map, sample, layout.length), layout.halo_right * layout.stride, 0.0f);
    }
}

}  // namespace

index Workspace::reserve(const std::vector<Stage>& stages, index batch, index thread_count, bool only_count) {
    index total = 0;
    const auto room = [&](FloatBuffer& buffer, index count) {
        total += count;
        if (!only_count) buffer.reserve(count);
    };
    maps.resize(stages.size());
    index partial = 0, common = 0, own = 0, delivered = 0;
    for (std::size_t i = 0; i < stages.size(); ++i) {
        const Operation& operation = *stages[i].operation;
        const index at_once = std::min(samples_at_once(stages[i], thread_count), batch);
        const index samples = std::max(at_once, delivered);
        room(maps[i], samples * operation.input().floats_per_sample() + map_slack);
        partial = std::max(partial, at_once * stages[i].partial_floats());
        common = std::max(common, operation.shared_floats(at_once));
        own = std::max(own, operation.scratch_floats());
        delivered = at_once;
    }
    room(partials, partial);
    room(shared, common);
    scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(thread_count)));
    for (index worker = 0; worker < thread_count; ++worker) room(scratch[worker], own);
    return total;
}

Flow::Flow(const std::vector<Stage>& stages, Workspace& workspace, Team& team, index thread_count,
           std::span<float* const> series)
    : stages_(stages), workspace_(workspace), team_(team), series_(series) {
    for (const Stage& stage : stages) states_.push_back({samples_at_once(stage, thread_count)});
}

void Flow::run(const float* input, index batch) {
    const MapLayout& layout = stages_.front().operation->input();
    for (index first = 0; first < batch; first += states_.front().at_once) {
        feed(input + first * layout.length * layout.channels, std::min(states_.front().at_once, batch - first));
        advance(0, false);
    }
    for (std::size_t layer = 0; layer < stages_.size(); ++layer) advance(layer, true);
}

void Flow::feed(const float* input, index count) {
    const MapLayout& layout = stages_.front().operation->input();
    float* const map = workspace_.maps.front().data();
    zero_halo(layout, count, map);
    team_.run(count, [&](index sample, index) {
        for (index position = 0; position < layout.length; ++position)
            std::copy_n(input + (sample * layout.length + position) * layout.channels, layout.channels,
                        layout.at(map, sample, position));
    });
    states_.front().waiting += count;
}

void Flow::advance(std::size_t layer, bool to_the_end) {
    State& state = states_[layer];
    while (state.waiting >= state.at_once || (to_the_end && state.waiting > 0)) {
        const index count = std::min(state.at_once, state.waiting);
        run_layer(layer, count);
        state.waiting -= count;
        state.first = state.waiting > 0 ? state.first + count : 0;
        state.done += count;
        if (layer + 1 == stages_.size()) continue;
        states_[layer + 1].waiting += count;
        advance(layer + 1, false);
    }
}

void Flow::run_layer(std::size_t layer, index count) {
    const Stage& stage = stages_[layer];
    const MapLayout& in = stage.operation->input();
    float* const partial = stage.partial_floats() > 0 ? workspace_.partials.data() : nullptr;
    float* out = nullptr;
    const MapLayout* out_layout = nullptr;
    if (layer + 1 < stages_.size()) {
        const State& next = states_[layer + 1];
        out_layout = &stages_[layer + 1].operation->input();
        out = workspace_.maps[layer + 1].data() + (next.first + next.waiting) * out_layout->floats_per_sample();
        zero_halo(*out_layout, count, out);
    }
    stage.operation->run({&team_, count, workspace_.maps[layer].data() + states_[layer].first * in.floats_per_sample(), out, out_layout,
                          partial, workspace_.scratch.data(), workspace_.shared.data()});
    if (partial == nullptr) return;
    team_.run(count, [&](index sample, index) {
        stage.fold(partial + sample * stage.partial_floats(),
                   series_[layer] + (states_[layer].done + sample) * stage.series_floats());
    });
}

}  // namespace convscope
