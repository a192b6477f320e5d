// What the program needs of one planned layer, however it is computed.
#pragma once

#include <vector>

#include "core/buffer.h"
#include "core/ops/conv_block.h"
#include "core/team.h"

namespace convscope {

// Some maps in memory, by sample and position. Empty where nobody reads them.
struct MapView {
    float* data = nullptr;
    index sample_stride = 0;
    index position_stride = 0;
    index first_position = 0;  // the one `data` points at

    float* at(index sample, index position) const {
        return data + sample * sample_stride + (position - first_position) * position_stride;
    }
    explicit operator bool() const { return data != nullptr; }
};

// How a batch of maps lies in memory: (B, halo_left + length + halo_right, stride), the halo zero, channels first in a
// position. The stride is wider than the channels where a power of two would send all rows of a tile to one cache set.
struct MapLayout {
    index length = 0;
    index channels = 0;
    index stride = 0;
    index halo_left = 0;
    index halo_right = 0;

    index positions() const { return halo_left + length + halo_right; }
    index floats_per_sample() const { return positions() * stride; }
    MapView view(float* map) const { return {map, floats_per_sample(), stride, -halo_left}; }
};

// The layout that `block` reads its input in, one row at a time.
MapLayout input_layout(const ConvBlock& block);

struct Weights {
    std::vector<float> kernel;   // (slots, P, C)
    std::vector<float> bias;     // (S or 1, C)
    std::vector<float> readout;  // (K, C), empty unless the reduction is a readout
    std::vector<float> slope;    // (C,), empty unless the activation is leaky_relu: its factor for negative values
};

// One layer's share of a call: buffers the program owns.
struct Call {
    Team* team;
    index batch;
    MapView in;
    MapView out;           // empty when nobody reads the map
    float* partial;        // (B, M or more, panels, K), or null when the layer is not probed
    FloatBuffer* scratch;  // one per worker, at least scratch_floats() each
    float* shared;         // at least shared_floats(batch), for all workers
};

class Operation {
  public:
    virtual ~Operation() = default;
    virtual void run(const Call& call) const = 0;
    virtual const MapLayout& input() const = 0;  // how it reads its input
    virtual index rows_per_sample() const = 0;   // that share one reading of the weights
    virtual index scratch_floats() const = 0;
    virtual index shared_floats(index /*batch*/) const { return 0; }
    virtual index weight_bytes() const = 0;
    virtual index partial_panels() const = 0;  // contributions to be added up per series value
    virtual const char* form() const = 0;
};

}  // namespace convscope
