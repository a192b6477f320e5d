// `cuda::run` for Python: memory by address.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <tuple>
#include <vector>

#include "cuda/run.h"

namespace convscope::bindings {

using Address = std::uintptr_t;

// Defines module.run(*, plan, constants, memory, chunk, input, strides, batch, series, device, stream). `guarded(device, call)`
// is to make the call on that device.
template <class Guarded>
void define_run(pybind11::module_& module, Guarded guarded) {
    namespace py = pybind11;
    module.def(
        "run",
        [guarded](const cuda::Plan& plan, Address constants, Address memory, index chunk, Address input,
                  const std::tuple<index, index, index>& strides, index batch, const std::vector<Address>& series, int device,
                  Address stream) {
            std::vector<float*> addresses;
            addresses.reserve(series.size());
            for (Address address : series) addresses.push_back(reinterpret_cast<float*>(address));
            const auto [of_samples, of_channels, of_positions] = strides;
            const cuda::Input batch_input{reinterpret_cast<const float*>(input), of_samples, of_channels, of_positions};
            const py::gil_scoped_release release;
            guarded(device, [&] {
                cuda::run(plan, reinterpret_cast<const std::byte*>(constants), reinterpret_cast<std::byte*>(memory), chunk,
                          batch_input, batch, addresses, reinterpret_cast<cuda::Stream>(stream));
            });
        },
        py::kw_only(), py::arg("plan"), py::arg("constants"), py::arg("memory"), py::arg("chunk"), py::arg("input"),
        py::arg("strides"), py::arg("batch"), py::arg("series"), py::arg("device"), py::arg("stream"));
}

}  // namespace convscope::bindings
