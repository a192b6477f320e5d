// The scatter form of conv_block, for few output channels: every input position is multiplied by all kernel taps at once
// (slots * C columns), then each output adds up the products that fall on it. A transposed convolution to one channel
// fills 25 columns of a panel this way instead of one.
#pragma once

#include "core/operation.h"
#include "cpu/kernels.h"

namespace convscope {

// True where the scatter form multiplies less than half as much as the panel form.
bool prefers_scatter(const ConvBlock& block, index tile_columns);

class ScatterPlan final : public Operation {
  public:
    ScatterPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels);

    void run(const Call& call) const override;
    index scratch_floats() const override;
    index weight_bytes() const override { return packed_.bytes(); }
    index partial_panels() const override { return 1; }
    const MapLayout& input() const override { return in_; }
    const char* form() const override { return "scatter"; }

  private:
    void run_block(const Call& call, index sample, index first_row, index last_row, float* scratch) const;
    void reduce(const float* values, float* partial) const;
    index product_rows() const;  // input positions that one block of output rows needs

    ConvBlock block_;
    Epilogue epilogue_;
    const Kernels& kernels_;
    MapLayout in_;
    index slots_ = 0, panels_ = 0;
    index first_offset_ = 0, last_offset_ = 0;
    std::vector<std::vector<index>> sources_;  // by phase and channel: where a row's products lie, from its first input
    std::vector<Run> runs_;
    std::vector<index> group_ends_;
    std::vector<Group> groups_;   // (panels, groups)
    FloatBuffer packed_;          // per panel: (P, tile_columns)
    std::vector<float> bias_;     // (S, C)
    std::vector<float> slope_;    // (positions of a block, C)
    std::vector<float> readout_;  // (K, C)
};

}  // namespace convscope
