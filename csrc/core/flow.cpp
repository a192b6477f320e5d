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
    const MapView view = layout.view(map);
    for (index sample = 0; sample < batch; ++sample) {
        std::fill_n(view.at(sample, -layout.halo_left), layout.halo_left * layout.stride, 0.0f);
        std::fill_n(view.at(sample, layout.length), layout.halo_right * layout.stride, 0.0f);
    }
}

std::size_t layers_together(const Stage& stage) { return stage.with_next ? 2 : 1; }

// The layer whose rows say how many samples to take: of two in strips, the spectral one.
index samples_at_once(const std::vector<Stage>& stages, std::size_t layer, index thread_count) {
    index samples = samples_at_once(stages[layer], thread_count);
    if (stages[layer].with_next) samples = std::max(samples, samples_at_once(stages[layer + 1], thread_count));
    return samples;
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
    for (std::size_t i = 0; i < stages.size(); i += layers_together(stages[i])) {
        const index at_once = std::min(samples_at_once(stages, i, thread_count), batch);
        room(maps[i], std::max(at_once, delivered) * stages[i].operation->input().floats_per_sample() + map_slack);
        index together = 0;
        for (std::size_t layer = i; layer < i + layers_together(stages[i]); ++layer) {
            together += at_once * stages[layer].partial_floats();
            common = std::max(common, stages[layer].operation->shared_floats(at_once));
            own = std::max(own, stages[layer].operation->scratch_floats());
        }
        if (stages[i].with_next) own = std::max(own, stages[i].with_next->scratch_floats());
        partial = std::max(partial, together);
        delivered = at_once;
    }
    room(partials, partial);
    room(shared, common);
    scratch.resize(std::max(scratch.size(), static_cast<std::size_t>(thread_count)));
    for (index worker = 0; worker < thread_count; ++worker) room(scratch[worker], own + map_slack);
    return total;
}

Flow::Flow(const std::vector<Stage>& stages, Workspace& workspace, Team& team, index thread_count, std::span<float* const> series)
    : stages_(stages), workspace_(workspace), team_(team), series_(series) {
    for (std::size_t layer = 0; layer < stages.size(); layer += layers_together(stages[layer]))
        states_.push_back({layer, samples_at_once(stages, layer, thread_count)});
}

void Flow::run(const float* input, index batch) {
    const MapLayout& layout = stages_.front().operation->input();
    for (index first = 0; first < batch; first += states_.front().at_once) {
        feed(input + first * layout.length * layout.channels, std::min(states_.front().at_once, batch - first));
        advance(0, false);
    }
    for (std::size_t number = 0; number < states_.size(); ++number) advance(number, true);
}

void Flow::feed(const float* input, index count) {
    const MapLayout& layout = stages_.front().operation->input();
    float* const map = workspace_.maps.front().data();
    const MapView view = layout.view(map);
    zero_halo(layout, count, map);
    const index together = layout.stride == layout.channels ? layout.length : 1;  // positions without a gap between them
    team_.run(count, [&](index sample, index) {
        for (index position = 0; position < layout.length; position += together)
            std::copy_n(input + (sample * layout.length + position) * layout.channels, together * layout.channels,
                        view.at(sample, position));
    });
    states_.front().waiting += count;
}

void Flow::advance(std::size_t number, bool to_the_end) {
    State& state = states_[number];
    while (state.waiting >= state.at_once || (to_the_end && state.waiting > 0)) {
        const index count = std::min(state.at_once, state.waiting);
        run_layers(number, count);
        state.waiting -= count;
        state.first = state.waiting > 0 ? state.first + count : 0;
        state.done += count;
        if (number + 1 == states_.size()) continue;
        states_[number + 1].waiting += count;
        advance(number + 1, false);
    }
}

void Flow::run_layers(std::size_t number, index count) {
    const State& state = states_[number];
    const Stage& stage = stages_[state.layer];
    const MapLayout& in = stage.operation->input();
    float* const map = workspace_.maps[state.layer].data() + state.first * in.floats_per_sample();
    Call call{&team_, count, in.view(map), {}, nullptr, workspace_.scratch.data(), workspace_.shared.data()};
    MapView out;
    if (number + 1 < states_.size()) {
        const State& next = states_[number + 1];
        const MapLayout& layout = stages_[next.layer].operation->input();
        float* const to = workspace_.maps[next.layer].data() + (next.first + next.waiting) * layout.floats_per_sample();
        zero_halo(layout, count, to);
        out = layout.view(to);
    }

    float* const partials = workspace_.partials.data();
    if (stage.partial_floats() > 0) call.partial = partials;
    if (!stage.with_next) {
        call.out = out;
        stage.operation->run(call);
        return fold(state.layer, call.partial, state.done, count);
    }
    Call second = call;
    second.in = {};
    second.out = out;
    second.partial = stages_[state.layer + 1].partial_floats() > 0 ? partials + count * stage.partial_floats() : nullptr;
    stage.with_next->run(call, second);
    fold(state.layer, call.partial, state.done, count);
    fold(state.layer + 1, second.partial, state.done, count);
}

void Flow::fold(std::size_t layer, const float* partial, index done, index count) {
    if (partial == nullptr) return;
    constexpr index most_positions = 2048;  // of a task: some 5 us
    const Stage& stage = stages_[layer];
    const index length = stage.block.out_length, tasks = (length + most_positions - 1) / most_positions;
    team_.run(count * tasks, [&](index task, index) {
        const index sample = task / tasks, position = task % tasks * most_positions;
        stage.fold(partial + sample * stage.partial_floats(), series_[layer] + (done + sample) * stage.series_floats(), position,
                   std::min(position + most_positions, length));
    });
}

}  // namespace convscope
