// What this build and processor can run.
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "core/isa.h"

namespace py = pybind11;

namespace convscope::bindings {

void bind_runtime(py::module_& module) {
    module.def("available_isas", [] {
        std::vector<std::string> names;
        for (Isa isa : available_isas()) names.emplace_back(name(isa));
        return names;
    });
    module.def("selected_isa", [] { return std::string(name(selected_isa())); });
    module.def("has_bfloat16", [] { return has_bfloat16(selected_isa()); });
    module.def("compiler", [] { return std::string(CONVSCOPE_COMPILER); });
}

}  // namespace convscope::bindings
