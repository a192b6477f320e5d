#pragma once

#include <vector>

#include "core/layer.h"

namespace convscope::bindings {

// Moved out of the Python objects: packing needs no second copy. Throws for None and for layers taken already.
std::vector<Layer> take_layers(const std::vector<Layer*>& layers);

}  // namespace convscope::bindings
