// The scatter form of conv_block, for few output channels (the last layer of a generator has one): the product of every input
// position with all taps at once, then each added where it belongs. A panel of columns would be nearly empty.
//
//     y[S i + d, c] += x[i, :] . w_d[:, c]        d = phase - S offset of a tap, first_ ... last_; rows step by one
//
// A block of inputs gives a stretch of outputs whose ends overlap the neighbours'; the stretches are kept (they have few
// channels) and added in block order, so the bits do not depend on who made which.
#pragma once

#include "core/operation.h"
#include "cpu/kernels.h"

namespace convscope {

// Whether fewer products are wasted on empty columns that way.
bool prefers_scatter(const ConvBlock& block, index tile_columns);

class ScatterPlan final : public Operation {
  public:
    ScatterPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Kernels& kernels,
                index block_inputs = 256);

    void run(const Call& call) const override;

    // The two halves of run(), for whoever makes the inputs piece by piece: scatter() takes whole blocks of one sample, by
    // the calling thread alone, with scratch_floats() of scratch; finish() follows when every block is there.
    void scatter(const Call& call, index sample, index first_block, index last_block, float* scratch) const;
    void finish(const Call& call) const;
    index block_inputs() const { return block_inputs_; }
    const MapLayout& input() const override { return in_; }
    index rows_per_sample() const override { return block_.in_length; }
    index scratch_floats() const override;
    index shared_floats(index batch) const override { return batch * blocks() * stretch_floats(); }
    index weight_bytes() const override { return packed_.bytes(); }
    index partial_panels() const override { return 1; }
    const char* form() const override { return "scatter"; }

  private:
    index blocks() const { return (block_.in_length + block_inputs_ - 1) / block_inputs_; }
    index stretch_floats() const;  // of one block's outputs
    index row_stride() const;      // of the products of one input, with a vector of zeros on either side
    void scatter_block(const MapView& in, index sample, index block, float* stretch, float* scratch) const;
    void finish_outputs(const Call& call, index sample, index first, index last, float* scratch) const;
    void reduce(const float* values, index count, float* partial) const;

    ConvBlock block_;
    Epilogue epilogue_;
    const Kernels& kernels_;
    index block_inputs_;
    MapLayout in_;
    index first_ = 0, last_ = -1;  // where the taps of an input put it, from S i
    index panels_ = 0;
    std::vector<Run> runs_;
    std::vector<Group> groups_;   // (panels, runs)
    FloatBuffer packed_;          // per panel: (P, tile_columns)
    std::vector<float> bias_;     // (positions that finish() takes at a time, C)
    std::vector<float> slope_;    // likewise, empty unless the activation is leaky_relu
    std::vector<float> readout_;  // (K, C)
};

}  // namespace convscope
