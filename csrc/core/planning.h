// From layers to operations: which form computes each, and which two run in strips.
#pragma once

#include <vector>

#include "core/stage.h"

namespace convscope {

enum class Form { automatic, panels, scatter, spectral };

struct Layer {
    ConvBlock block;
    Epilogue epilogue;
    Weights weights;
    Form form = Form::automatic;
    index window = 0;       // inputs at a time, of the spectral form
    bool bfloat16 = false;  // its products
};

// Checked layers in a row. Their weights are packed and given up: two copies of a network's weights are one too many.
std::vector<Stage> plan_stages(std::vector<Layer>& layers, const Kernels& kernels);

}  // namespace convscope
