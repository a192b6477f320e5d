// From layers to operations: which form computes each, and which two run in strips.
#pragma once

#include <vector>

#include "core/layer.h"
#include "core/stage.h"

namespace convscope {

// Checked layers in a row. Their weights are packed and given up: two copies of a network's weights are one too many.
std::vector<Stage> plan_stages(std::vector<Layer>& layers, const Kernels& kernels);

}  // namespace convscope
