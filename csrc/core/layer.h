// One layer as a backend is given it, and the checks that every backend makes.
#pragma once

#include <vector>

#include "core/operation.h"

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

// Throws std::invalid_argument naming the layer; drops taps that only multiply zeros.
void check_layers(std::vector<Layer>& layers);

}  // namespace convscope
