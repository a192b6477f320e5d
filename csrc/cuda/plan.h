// A network as the GPU engine computes it: all that lies on the device, as one block of bytes, and what each layer is.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "core/layer.h"
#include "cuda/calls.h"
#include "cuda/fused.h"
#include "cuda/product.h"

namespace convscope::cuda {

enum class Precision { float16, float32 };

// Which GPUs a plan is for: those of compute capability 9.0, or all from 8.0 on.
enum class Target { any, hopper };

// device/tensor.cuh takes any layer; device/window.cuh those of few columns over long samples; device/hopper.cuh those whose maps
// the copy engine can cut into whole boxes and whose activation is no transcendental function; a fused layer is computed by the
// hopper kernel of the layer before it.
enum class Kernel { tensor, window, hopper, fused };
bool suits_window(const ConvBlock& block, Precision precision);
bool suits_hopper(const ConvBlock& block, Activation activation);

// Shared memory of the window kernel: a tile's inputs and all weights.
index window_bytes(const ConvBlock& block, Precision precision);

// Columns of the tiles that kernels exist for, widest first.
std::span<const index> tile_widths(Kernel kernel, Precision precision);

// Where a layer's constants lie in Plan::constants, in bytes; -1 for what it has not.
struct ConstantPlaces {
    index weights = -1, tiles = -1, offsets = -1, unscale = -1, bias = -1, slope = -1, out_scale = -1, readout = -1;
};

struct LayerPlan {
    ConvBlock block;
    Epilogue epilogue;
    Kernel kernel = Kernel::tensor;
    bool computes_next = false;                                // the next one is fused
    index width = 0;                                           // columns of a tile; no tiles where the layer is fused
    std::vector<ColumnTile> tiles;                             // those of most steps first
    index slots = 0;                                           // tiles that share a phase
    std::vector<double> in_scales, weight_scales, out_scales;  // by channel; no `out_scales` where nobody reads the map
    ConstantPlaces at;
    index weight_bytes = 0;

    bool is_stored() const { return !out_scales.empty() && !computes_next; }
    index partial_floats() const;  // of a sample; 0 where nothing is reduced
    index series_floats() const;   // likewise
    index fused_floats() const;    // of a sample, left for the next layer if that is fused
};

struct Plan {
    Precision precision;
    std::vector<LayerPlan> layers;
    std::vector<std::byte> constants;

    index images() const { return precision == Precision::float32 ? 2 : 1; }  // of a map
};

// Checks, scales and packs. Throws std::invalid_argument naming the layer.
Plan make_plan(std::vector<Layer> layers, Precision precision, Target target);

}  // namespace convscope::cuda
