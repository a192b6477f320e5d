#include "core/panels.h"

#include <algorithm>
#include <array>

namespace convscope {

std::vector<Run> merge_runs(const std::vector<index>& offsets, index channels, index position_stride) {
    std::vector<Run> runs;
    for (index offset : offsets) {
        const index start = offset * position_stride;
        if (!runs.empty() && runs.back().offset + runs.back().length == start)
            runs.back().length += channels;
        else
            runs.push_back({start, channels});
    }
    return runs;
}

std::vector<index> split_groups(std::vector<Run>& runs, index most) {
    std::vector<Run> pieces;
    std::vector<index> ends;
    index depth = 0;
    for (Run run : runs) {
        while (run.length > 0) {
            if (depth == most) {
                ends.push_back(static_cast<index>(pieces.size()));
                depth = 0;
            }
            const index length = std::min(run.length, most - depth);
            pieces.push_back({run.offset, length});
            run = {run.offset + length, run.length - length};
            depth += length;
        }
    }
    if (depth > 0) ends.push_back(static_cast<index>(pieces.size()));
    runs = std::move(pieces);
    return ends;
}

PanelPlan::PanelPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels)
    : block_(block), kernels_(kernels), in_(input_layout(block)), epilogue_(block, epilogue, weights, kernels.tile_columns) {
    std::vector<std::vector<Tap>> taps(static_cast<std::size_t>(block_.phases));
    for (const Tap& tap : block_.taps) taps[tap.phase].push_back(tap);
    pack(weights, taps);
}

void PanelPlan::pack(const Weights& weights, const std::vector<std::vector<Tap>>& taps) {
    const index width = kernels_.tile_columns, channels = block_.in_channels, panels = epilogue_.panels();
    index total = 0;
    for (const auto& of_phase : taps) total += static_cast<index>(of_phase.size()) * channels * panels * width;
    packed_ = FloatBuffer(total);

    float* place = packed_.data();
    for (const auto& of_phase : taps) {
        Phase& phase = phases_.emplace_back();
        std::vector<index> offsets;
        offsets.reserve(of_phase.size());
        for (const Tap& tap : of_phase) offsets.push_back(tap.offset);
        phase.runs = merge_runs(offsets, channels, in_.stride);
        phase.group_ends = split_groups(phase.runs, block_.out_length == 1 ? exact_group_depth : group_depth);
        phase.depth = static_cast<index>(of_phase.size()) * channels;
        for (index panel = 0; panel < panels; ++panel) {
            const index columns = std::min(width, block_.out_channels - panel * width);
            const float* group_start = place;
            for (index end : phase.group_ends) {
                const index begin = phase.groups.size() % phase.group_ends.size() == 0
                                        ? 0
                                        : phase.group_ends[phase.groups.size() % phase.group_ends.size() - 1];
                phase.groups.push_back({phase.runs.data() + begin, end - begin, group_start, width});
                for (index run = begin; run < end; ++run) group_start += phase.runs[run].length * width;
            }
            for (const Tap& tap : of_phase)
                for (index p = 0; p < channels; ++p, place += width) {
                    const float* from = weights.kernel.data() + (tap.slot * channels + p) * block_.out_channels + panel * width;
                    std::copy_n(from, columns, place);
                    std::fill(place + columns, place + width, 0.0f);
                }
        }
    }
}

void PanelPlan::run(const Call& call) const {
    const index blocks = (call.batch * block_.rows() + block_rows - 1) / block_rows;
    // Enough panels per task for some 10 us of work; fewer only add hand-outs.
    constexpr index products_per_task = 1'000'000;
    index depth = 1;
    for (const Phase& phase : phases_) depth = std::max(depth, phase.depth);
    const index panels = epilogue_.panels();
    const index block_products = std::min(block_rows, call.batch * block_.rows()) * depth * kernels_.tile_columns;
    const index group = std::clamp<index>(products_per_task / block_products, 1, panels);
    const index panel_groups = (panels + group - 1) / group;

    // The larger of inputs and weights is read once, the smaller stays in cache meanwhile.
    const bool weights_outside = packed_.size() > call.batch * in_.floats_per_sample();
    const index columns = block_.phases * panel_groups;
    call.team->run(blocks * columns, [&](index task, index worker) {
        const index block = weights_outside ? task % blocks : task / columns;
        const index column = weights_outside ? task / blocks : task % columns;
        const index panel = column % panel_groups * group;
        const index first_row = block * block_rows, row_count = std::min(block_rows, call.batch * block_.rows() - first_row);
        run_block(call, first_row, row_count, column / panel_groups, panel, std::min(panel + group, panels),
                  call.scratch[worker].data());
    });
}

void PanelPlan::run_rows(const Call& call, index sample, index first_row, index last_row, float* scratch) const {
    for (index row = first_row; row < last_row; row += block_rows)
        for (index phase = 0; phase < block_.phases; ++phase)
            run_block(call, sample * block_.rows() + row, std::min(block_rows, last_row - row), phase, 0, epilogue_.panels(),
                      scratch);
}

void PanelPlan::run_block(const Call& call, index first_row, index row_count, index phase_number, index first_panel,
                          index last_panel, float* scratch) const {
    const index width = kernels_.tile_columns, rows_per_sample = block_.rows();
    const Phase& phase = phases_[phase_number];

    std::array<const float*, block_rows> in_rows;
    std::array<float*, block_rows> out_rows;
    for (index i = 0; i < row_count; ++i) {
        const index sample = (first_row + i) / rows_per_sample, row = (first_row + i) % rows_per_sample;
        const index position = row * block_.phases + phase_number;
        in_rows[i] = call.in.at(sample, row * block_.step);
        out_rows[i] = call.out && position < block_.out_length ? call.out.at(sample, position) + first_panel * width : nullptr;
    }

    const index groups = static_cast<index>(phase.group_ends.size());
    PanelTask task{};
    task.rows = in_rows.data();
    task.row_count = row_count;
    task.group_count = groups;
    task.scratch = scratch;
    task.scratch_row_stride = width;
    task.out_rows = call.out ? out_rows.data() : nullptr;
    for (index panel = first_panel; panel < last_panel; ++panel) {
        task.groups = phase.groups.data() + panel * groups;
        task.next_weights = groups > 0 && panel + 1 < epilogue_.panels() ? task.groups[groups].weights : nullptr;
        task.next_floats = group_depth * width;
        epilogue_.describe(task, phase_number, panel);
        if (call.partial != nullptr) task.partial = call.partial + epilogue_.partial_place(first_row, phase_number, panel);
        kernels_.conv_panel(task);
        if (call.out)
            for (index i = 0; i < row_count; ++i)
                if (out_rows[i] != nullptr) out_rows[i] += width;
    }
}

}  // namespace convscope
