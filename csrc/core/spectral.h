// The spectral form of conv_block: windows of rows, each a short convolution with few products (core/short_convolution.h).
// All three steps are the panel product of the direct form:
//
//     U[window, r, :]    = A[r, :] X            X the window's inputs, (n, P) for each of `step` input phases
//     V[window, r, :]    = U[window, r, :] W[r]  W[r] = sum over taps of G[r, tap] w, added up in double when planned
//     y[window rows, :]  = C V[window, :, :]     then the epilogue of the direct form
//
// A block of windows is in memory at a time: its U in the last-level cache, what one task reads and makes in its core's own.
#pragma once

#include "core/operation.h"
#include "core/panel_epilogue.h"
#include "core/short_convolution.h"
#include "cpu/kernels.h"

namespace convscope {

class SpectralPlan final : public Operation {
  public:
    SpectralPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, const Window& window,
                 const Kernels& kernels);

    void run(const Call& call) const override;
    const MapLayout& input() const override { return in_; }
    index scratch_floats() const override;
    index shared_floats(index batch) const override;
    index weight_bytes() const override { return packed_.bytes(); }
    index partial_panels() const override { return epilogue_.panels(); }
    const char* form() const override { return "spectral"; }

  private:
    struct PhaseTap {
        index slot;
        index place;  // among the T taps of the short convolution
    };
    // Products whose weights are all zero for an output phase do not exist there.
    struct Product {
        index number;                // r
        std::vector<index> sources;  // the input phases it sums over
        std::vector<Run> runs;
        std::vector<index> group_ends;
    };
    struct Phase {
        std::vector<std::vector<PhaseTap>> taps;  // by input phase
        std::vector<Product> products;
        std::vector<float> output_matrix;  // C (outputs, products of this phase)
        std::vector<const float*> output_rows;
        Run output_run{};
        std::vector<Group> groups;  // (panels, groups of all products)
    };
    struct Tiling {
        index windows;  // of one task
        index panels;   // that are worked on together
    };

    void plan_phases();
    void pack(const Weights& weights);
    Tiling choose_tiling() const;
    double factor(index product, const PhaseTap& tap) const { return short_.tap_matrix[product * short_.taps + tap.place]; }
    index windows() const { return (block_.rows() + short_.outputs - 1) / short_.outputs; }  // per sample
    index depth() const { return block_.step * block_.in_channels; }
    index block_windows(index batch) const;
    void transform_inputs(const Call& call, index window, index place, float* scratch) const;
    void run_panels(const Call& call, index first_window, index place, index window_count, index phase, index first_panel,
                    index last_panel, float* scratch) const;

    ConvBlock block_;
    const Kernels& kernels_;
    PanelEpilogue epilogue_;
    ShortConvolution short_;
    index first_offset_ = 0;  // of a window's first input, in steps from its first row
    MapLayout in_;
    index product_stride_ = 0;  // floats from one product's inputs to the next
    std::vector<float> input_matrix_;
    std::vector<const float*> input_rows_;
    std::vector<Phase> phases_;
    Tiling tiling_{};
    FloatBuffer packed_;
};

}  // namespace convscope
