#include "core/panel_epilogue.h"

#include <algorithm>

namespace convscope {

PanelEpilogue::PanelEpilogue(const ConvBlock& block, const Epilogue& epilogue, const Weights& weights, index tile_columns)
    : epilogue_(epilogue),
      width_(tile_columns),
      phases_(block.phases),
      channels_(block.out_channels),
      panels_((block.out_channels + tile_columns - 1) / tile_columns) {
    bias_.assign(static_cast<std::size_t>(phases_ * panels_ * width_), 0.0f);
    const bool shared = static_cast<index>(weights.bias.size()) == channels_;
    for (index phase = 0; phase < phases_; ++phase)
        std::copy_n(weights.bias.begin() + (shared ? 0 : phase * channels_), channels_, bias_.begin() + phase * panels_ * width_);

    slope_ = weights.slope;
    if (!slope_.empty()) slope_.resize(static_cast<std::size_t>(panels_ * width_));

    if (epilogue_.reduction != Reduction::readout) return;
    readout_.assign(static_cast<std::size_t>(panels_ * epilogue_.readouts * width_), 0.0f);
    for (index k = 0; k < epilogue_.readouts; ++k)
        for (index c = 0; c < channels_; ++c)
            readout_[(c / width_ * epilogue_.readouts + k) * width_ + c % width_] = weights.readout[k * channels_ + c];
}

void PanelEpilogue::describe(PanelTask& task, index phase, index panel) const {
    task.epilogue = &epilogue_;
    task.partial_row_stride = row_stride();
    task.bias = bias_.data() + (phase * panels_ + panel) * width_;
    task.columns = std::min(width_, channels_ - panel * width_);
    task.slope = slope_.empty() ? nullptr : slope_.data() + panel * width_;
    task.readout = readout_.empty() ? nullptr : readout_.data() + panel * epilogue_.readouts * width_;
}

}  // namespace convscope
