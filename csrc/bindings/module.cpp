#include <pybind11/pybind11.h>

namespace convscope::bindings {
void bind_runtime(pybind11::module_&);
void bind_program(pybind11::module_&);
void bind_cuda_plan(pybind11::module_&);
}  // namespace convscope::bindings

PYBIND11_MODULE(_core, module) {
    module.doc() = "The compiled engine of convscope. Private: use convscope.Probe.";
    convscope::bindings::bind_runtime(module);
    convscope::bindings::bind_program(module);
    convscope::bindings::bind_cuda_plan(module);
}
