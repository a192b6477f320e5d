// `convscope._cuda` on the stand-in machine, whose memory is the host's: for tests of everything around it.
#include "bindings/cuda_run.h"

PYBIND11_MODULE(_cuda_stand_in, module) {
    pybind11::module_::import("convscope._core");  // whose plans it takes
    convscope::bindings::define_run(module, [](int /*device*/, const auto& call) { call(); });
}
