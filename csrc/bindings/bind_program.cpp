// Layer and Program for Python: views -> release the GIL -> one call.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <sstream>

#include "bindings/take_layers.h"
#include "core/error.h"
#include "core/program.h"

namespace py = pybind11;

namespace convscope::bindings {
namespace {

using Floats = py::array_t<float, py::array::c_style>;

std::vector<float> copied(const Floats& values) { return {values.data(), values.data() + values.size()}; }

std::string shape_text(const Floats& array) {
    std::ostringstream text;
    for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) text << (axis > 0 ? ", " : "(") << array.shape(axis);
    return text.str() + ")";
}

Layer make_layer(index in_length, index in_channels, index out_length, index out_channels, index step, index phases,
                 const std::vector<std::tuple<index, index, index>>& taps, const Floats& kernel, const Floats& bias,
                 Activation activation, const Floats& slope, float scale, Reduction reduction, const Floats& readout,
                 bool before_activation, Form form, index window, bool bfloat16) {
    Layer layer;
    layer.block = {in_length, in_channels, out_length, out_channels, step, phases, {}};
    for (const auto& [phase, offset, slot] : taps) layer.block.taps.push_back({phase, offset, slot});
    layer.epilogue = {activation, scale, reduction, before_activation, 1};
    if (reduction == Reduction::readout) {
        require(readout.ndim() == 2, "layer", "expected a readout matrix (K, C), got ", readout.ndim(), " dimensions");
        layer.epilogue.readouts = readout.shape(0);
    }
    layer.weights = {copied(kernel), copied(bias), copied(readout), copied(slope)};
    layer.form = form;
    layer.window = window;
    layer.bfloat16 = bfloat16;
    return layer;
}

void run(const Program& program, const Floats& input, const std::vector<py::object>& series, index thread_count) {
    const MapLayout& wanted_input = program.input();
    require(input.ndim() == 3 && input.shape(1) == wanted_input.length && input.shape(2) == wanted_input.channels, "program",
            "expected an input (B, ", wanted_input.length, ", ", wanted_input.channels, "), got ", shape_text(input));
    const index batch = input.shape(0);
    require(static_cast<index>(series.size()) == program.layer_count(), "program", "expected ", program.layer_count(),
            " series, got ", series.size());
    std::vector<float*> out;
    std::vector<Floats> keep;
    for (index layer = 0; layer < program.layer_count(); ++layer) {
        const py::object& of_layer = series[layer];
        const index wanted = program.series_floats(layer) * batch;
        if (of_layer.is_none()) {
            require(program.series_floats(layer) == 0, "program", "layer ", layer,
                    ": expected an array for its series, got None");
            out.push_back(nullptr);
            continue;
        }
        require(py::isinstance<Floats>(of_layer), "program", "layer ", layer, ": expected a contiguous float32 array");
        auto& array = keep.emplace_back(py::reinterpret_borrow<Floats>(of_layer));
        require(array.size() == wanted, "program", "layer ", layer, ": expected a series of ", wanted, " values, got ",
                array.size());
        out.push_back(array.mutable_data());
    }
    const float* from = input.data();
    py::gil_scoped_release release;
    program.run(from, batch, out, thread_count);
}

}  // namespace

std::vector<Layer> take_layers(const std::vector<Layer*>& layers) {
    std::vector<Layer> taken;
    taken.reserve(layers.size());
    for (Layer* layer : layers) {
        require(layer != nullptr, "program", "expected layers, got None");
        require(!layer->weights.kernel.empty() || !layer->weights.bias.empty(), "program",
                "expected a fresh layer, got one that is in a program already");
        taken.push_back(std::move(*layer));
    }
    return taken;
}

void bind_program(py::module_& module) {
    py::enum_<Activation>(module, "Activation")
        .value("identity", Activation::identity)
        .value("relu", Activation::relu)
        .value("leaky_relu", Activation::leaky_relu)
        .value("tanh", Activation::tanh)
        .value("sigmoid", Activation::sigmoid);
    py::enum_<Reduction>(module, "Reduction")
        .value("none", Reduction::none)
        .value("mean", Reduction::mean)
        .value("rms", Reduction::rms)
        .value("max", Reduction::max)
        .value("readout", Reduction::readout);
    py::enum_<Form>(module, "Form")
        .value("automatic", Form::automatic)
        .value("panels", Form::panels)
        .value("scatter", Form::scatter)
        .value("spectral", Form::spectral);

    py::class_<Layer>(module, "Layer")
        .def(py::init(&make_layer), py::kw_only(), py::arg("in_length"), py::arg("in_channels"), py::arg("out_length"),
             py::arg("out_channels"), py::arg("step"), py::arg("phases"), py::arg("taps"), py::arg("kernel"), py::arg("bias"),
             py::arg("activation"), py::arg("slope"), py::arg("scale"), py::arg("reduction"), py::arg("readout"),
             py::arg("before_activation"), py::arg("form"), py::arg("window") = 0, py::arg("bfloat16") = false);

    py::class_<Program>(module, "Program")
        .def(py::init([](const std::vector<Layer*>& layers, const std::string& isa) {
                 std::vector<Layer> taken = take_layers(layers);
                 const py::gil_scoped_release release;
                 for (Isa candidate : available_isas())
                     if (isa == name(candidate)) return std::make_unique<Program>(std::move(taken), candidate);
                 throw_invalid("program", "no instruction set '", isa, "' here");
             }),
             py::arg("layers"), py::arg("isa"))
        .def("run", &run, py::arg("input"), py::arg("series"), py::arg("thread_count"))
        .def("form", &Program::form, py::arg("layer"))
        .def("workspace_bytes", &Program::workspace_bytes, py::arg("batch"), py::arg("thread_count"))
        .def_property_readonly("weight_bytes", &Program::weight_bytes)
        .def_property_readonly("layer_weight_bytes", &Program::layer_weight_bytes)
        .def_property_readonly("isa", [](const Program& program) { return std::string(name(program.isa())); });
}

}  // namespace convscope::bindings
