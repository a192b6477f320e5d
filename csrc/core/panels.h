// The panel form of conv_block: rows x panels of output columns, one phase at a time, zero blocks never multiplied.
#pragma once

#include "core/operation.h"
#include "core/panel_epilogue.h"
#include "cpu/kernels.h"

namespace convscope {

// Rows of one block: a multiple of every tile height, small enough that a block of inputs stays in a 1 MB L2 cache.
inline constexpr index block_rows = 96;

// Inputs summed in registers before they are added to the tile. Longer saves additions, shorter rounds less.
inline constexpr index group_depth = 512;
// Of an output of one position, such as logits: few values, each a long sum that is judged by itself. Reading its weights takes
// longer than the additions.
inline constexpr index exact_group_depth = 64;

// Runs that follow each other in memory become one, so that few-channel inputs (a waveform: one channel) are read as
// whole windows. `position_stride` is the floats from one position to the next.
std::vector<Run> merge_runs(const std::vector<index>& offsets, index channels, index position_stride);

// Splits runs into groups of at most `most` floats; returns the index one past the last run of each group.
std::vector<index> split_groups(std::vector<Run>& runs, index most = group_depth);

class PanelPlan final : public Operation {
  public:
    PanelPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels);

    void run(const Call& call) const override;
    // Rows first_row ... last_row - 1 of one sample, by the calling thread alone, with scratch_floats() of scratch.
    void run_rows(const Call& call, index sample, index first_row, index last_row, float* scratch) const;
    index scratch_floats() const override { return block_rows * kernels_.tile_columns; }
    index weight_bytes() const override { return packed_.bytes(); }
    index partial_panels() const override { return epilogue_.panels(); }
    const MapLayout& input() const override { return in_; }
    index rows_per_sample() const override { return block_.rows(); }
    const char* form() const override { return "panels"; }

  private:
    struct Phase {
        std::vector<Run> runs;
        std::vector<index> group_ends;
        index depth = 0;            // inputs per output element
        std::vector<Group> groups;  // (panels, groups of one panel)
    };

    void pack(const Weights& weights, const std::vector<std::vector<Tap>>& taps);
    void run_block(const Call& call, index first_row, index row_count, index phase, index first_panel, index last_panel,
                   float* scratch) const;

    ConvBlock block_;
    const Kernels& kernels_;
    MapLayout in_;
    PanelEpilogue epilogue_;
    std::vector<Phase> phases_;
    FloatBuffer packed_;  // per phase and panel: (depth, tile_columns)
};

}  // namespace convscope
