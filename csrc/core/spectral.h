// The spectral form of conv_block: windows of rows, each a short convolution with few products (core/short_convolution.h).
// The steps with most of the work are the panel product of the direct form:
//
//     U[window, f, :]   = A[f, :] X              X the window's inputs, (n, P) for each of `step` input phases
//     V[window, r, :]   = U[window, f, :] W[s]   W[s] = sum over taps of G[s, tap] w, added up in double when planned, or the
//                                                difference of the two before it, made on the way; f and s of product r, or
//                                                in bfloat16 a sum over two of each
//     y[window rows, :] = C V[window, :, :]      then the epilogue of the direct form
//
// A block of windows is in memory at a time: its U in the last-level cache, what one task reads and makes in its core's own.
#pragma once

#include "core/operation.h"
#include "core/panel_epilogue.h"
#include "core/short_convolution.h"
#include "core/spectral_weights.h"
#include "cpu/kernels.h"

namespace convscope {

class SpectralPlan final : public Operation {
  public:
    // With `bfloat16` the products U W take bfloat16 factors; the transforms stay in float32.
    SpectralPlan(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, index window, bool for_strips,
                 const Kernels& kernels, const Bfloat16Kernels* bfloat16 = nullptr);

    void run(const Call& call) const override;

    // Some windows of one sample, by the calling thread alone, with strip_floats() of scratch; at most strip_windows() of
    // them. For plans made for strips, whose transformed inputs stay in the core's own cache.
    void run_strip(const Call& call, index sample, index first_window, index last_window, float* scratch) const;
    index strip_floats() const { return input_rows() * form_stride_ + scratch_floats(); }
    index strip_windows() const { return tiling_.windows; }
    index windows() const { return (block_.rows() + short_.outputs - 1) / short_.outputs; }  // per sample
    index window_rows() const { return short_.outputs; }
    index window_positions() const { return short_.outputs * block_.phases; }  // of the output
    index row_step() const { return block_.step; }
    // The input positions that a window reads, from `step` times its first row.
    index first_input() const { return first_offset_ * block_.step; }
    index last_input() const { return (first_offset_ + short_.inputs) * block_.step - 1; }
    const MapLayout& input() const override { return in_; }
    index rows_per_sample() const override { return windows(); }
    index scratch_floats() const override;
    index shared_floats(index batch) const override;
    index weight_bytes() const override { return weights_.bytes(); }
    index partial_panels() const override { return epilogue_.panels(); }
    const char* form() const override { return "spectral"; }

  private:
    struct Tiling {
        index windows;  // of one task
        index panels;   // that are worked on together
    };

    // What a task does at a time: some windows and some panels of one phase.
    struct Share {
        float* transformed = nullptr;
        index first_window = 0;  // of the call
        index place = 0;         // of that window among the transformed ones
        index windows = 0;
        index phase = 0;
        index first_panel = 0, last_panel = 0;
        index next_phase = 0, next_panel = -1;  // of what the same thread does next, if that is known
    };

    Tiling choose_tiling() const;
    // Of transformed inputs of a window, one for each form; in bfloat16 one more (core/spectral_weights.h).
    index input_rows() const { return short_.forms + (bfloat16_ == nullptr ? 0 : 1); }
    index depth() const { return block_.step * channel_floats(block_, bfloat16_); }
    index most_windows() const;
    index block_windows(index batch) const;
    index held_floats() const { return tiling_.windows * tiling_.panels * transforms_.products * kernels_.tile_columns; }
    float* inputs_at(float* transformed, index place) const {
        return transformed + place / tiling_.windows * input_rows() * form_stride_ + place % tiling_.windows * row_stride_;
    }
    void transform_inputs(const MapView& in, index window, float* to, float* scratch) const;
    void store_inputs(const float* rows, index count, float* to) const;
    void multiply(const Share& share, float* products_out) const;
    void finish(const Call& call, const Share& share, const float* products_in, float* scratch) const;

    ConvBlock block_;
    const Kernels& kernels_;
    const Bfloat16Kernels* bfloat16_;
    PanelEpilogue epilogue_;
    bool for_strips_;
    ShortConvolution short_;
    Transforms transforms_;
    index first_offset_ = 0;  // of a window's first input, in steps from its first row
    MapLayout in_;
    // Transformed inputs lie as (tasks, forms, windows of a task, step * P).
    index row_stride_ = 0, form_stride_ = 0;
    SpectralWeights weights_;
    Tiling tiling_{};
};

}  // namespace convscope
