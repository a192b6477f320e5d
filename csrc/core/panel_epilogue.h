// What follows the sums of a panel, laid out as its kernel reads it: one copy for the forms that work in panels.
#pragma once

#include "core/operation.h"
#include "cpu/kernels.h"

namespace convscope {

class PanelEpilogue {
  public:
    PanelEpilogue(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, index tile_columns);

    index panels() const { return panels_; }
    // Points the task at what belongs to one phase and panel; its sums, rows and partials are the caller's.
    void describe(PanelTask& task, index phase, index panel) const;
    // Of the first of some rows at one phase and panel; rows follow each other at row_stride().
    index partial_place(index row, index phase, index panel) const {
        return ((row * phases_ + phase) * panels_ + panel) * epilogue_.readouts;
    }
    index row_stride() const { return phases_ * panels_ * epilogue_.readouts; }

  private:
    Epilogue epilogue_;
    index width_, phases_, channels_, panels_;
    std::vector<float> bias_;     // (S, panels * tile_columns)
    std::vector<float> slope_;    // (panels * tile_columns,), empty unless the activation is leaky_relu
    std::vector<float> readout_;  // (panels, K, tile_columns), empty unless the reduction is a readout
};

}  // namespace convscope
