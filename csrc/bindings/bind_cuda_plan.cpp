// What the GPU engine plans on the host, for `_cuda` to run and for Python to look at.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include "bindings/take_layers.h"
#include "core/error.h"
#include "cuda/plan.h"
#include "cuda/workspace.h"

namespace py = pybind11;

namespace convscope::bindings {
namespace {

using cuda::LayerPlan;
using cuda::Plan;

// A layer's packed weights and what says where each of them is (cuda/product.h).
py::dict packed_layer(const Plan& plan, index number) {
    require(number >= 0 && number < static_cast<index>(plan.layers.size()), "cuda", "expected a layer below ", plan.layers.size(),
            ", got ", number);
    const LayerPlan& layer = plan.layers[number];
    py::list tiles;
    for (const cuda::ColumnTile& tile : layer.tiles)
        tiles.append(py::make_tuple(tile.first, tile.count, tile.offsets, cuda::tile_blocks(layer.block, tile)));
    py::dict facts;
    constexpr const char* kernels[] = {"tensor", "window", "hopper", "fused"};
    facts["kernel"] = kernels[static_cast<int>(layer.kernel)];
    facts["width"] = layer.width;
    facts["tiles"] = tiles;
    if (layer.kernel == cuda::Kernel::fused) {  // cuda/fused.h
        const cuda::FusedShape shape = cuda::fused_shape(plan.layers[number - 1].block, layer.block);
        facts["first"] = shape.first;
        facts["period"] = shape.period;
    }
    facts["halves"] = py::array_t<std::uint16_t>(
        layer.weight_bytes / 2, reinterpret_cast<const std::uint16_t*>(plan.constants.data() + layer.at.weights));
    facts["in_scales"] = layer.in_scales;
    facts["weight_scales"] = layer.weight_scales;
    facts["out_scales"] = layer.out_scales;
    return facts;
}

}  // namespace

void bind_cuda_plan(py::module_& module) {
    py::enum_<cuda::Precision>(module, "CudaPrecision")
        .value("float16", cuda::Precision::float16)
        .value("float32", cuda::Precision::float32);
    py::class_<Plan>(module, "CudaPlan")
        .def(py::init([](const std::vector<Layer*>& layers, cuda::Precision precision, bool for_hopper) {
                 std::vector<Layer> taken = take_layers(layers);
                 const py::gil_scoped_release release;
                 return cuda::make_plan(std::move(taken), precision, for_hopper ? cuda::Target::hopper : cuda::Target::any);
             }),
             py::arg("layers"), py::arg("precision"), py::arg("for_hopper"))
        .def_property_readonly("constants",  // (bytes,), what is to lie on the device; a view
                               [](const py::object& self) {
                                   const auto& bytes = self.cast<const Plan&>().constants;
                                   return py::array_t<std::uint8_t>(static_cast<index>(bytes.size()),
                                                                    reinterpret_cast<const std::uint8_t*>(bytes.data()), self);
                               })
        .def_property_readonly("layer_weight_bytes",
                               [](const Plan& plan) {
                                   std::vector<index> bytes;
                                   for (const LayerPlan& layer : plan.layers) bytes.push_back(layer.weight_bytes);
                                   return bytes;
                               })
        .def_property_readonly("largest_chunk", &cuda::largest_chunk)
        .def(
            "workspace_bytes", [](const Plan& plan, index samples) { return cuda::workspace(plan, samples).bytes; },
            py::arg("samples"))
        .def("packed_layer", &packed_layer, py::arg("layer"));
}

}  // namespace convscope::bindings
