// The weights of the spectral form, W[r] = sum over taps of G[r, tap] w for every product r of a short convolution: added up in
// double, packed in the order of use, and without those that are the difference of two others or the same as another's.
#pragma once

#include <vector>

#include "core/operation.h"
#include "core/short_convolution.h"
#include "cpu/kernels.h"

namespace convscope {

// Floats that the channels of one input phase take: half as many when pairs of bfloat16 share one.
inline index channel_floats(const ConvBlock& block, const Bfloat16Kernels* bfloat16) {
    return bfloat16 == nullptr ? block.in_channels : block.in_channels / 2;
}

class SpectralWeights {
  public:
    // One group of one product, in the order of use. Of the products of a conjugate pair, each group follows the other's.
    struct Step {
        index product;  // among the phase's
        const Run* runs;
        index run_count;
        index begin, depth;  // among the floats that the product sums over
        index weights;       // floats from the panel's first
        index subtrahend;    // likewise, of what is taken from them, or -1
        bool is_first_use;   // of these weights
        index next_weights;  // of what is fetched meanwhile, so far ahead of its use that it comes in time; past the panel's
        index next_floats;   // last, from the first of the panel that follows
    };
    // Products whose weights are all zero for an output phase do not exist there.
    struct Product {
        index number;                // among the short convolution's
        std::vector<index> sources;  // the input phases it sums over
        std::vector<Run> runs;
        std::vector<index> group_ends;
    };
    struct Phase {
        std::vector<Product> products;
        index ends[2] = {-1, -1};  // the places of zero's and infinity's product, if they exist
        std::vector<Step> steps;
        index panel_floats = 0;
        const float* weights = nullptr;  // (panels, panel_floats)
        const float* weights_of(index panel, index place) const { return weights + panel * panel_floats + place; }
    };

    SpectralWeights() = default;
    // `first_offset`: of a window's first input, in steps. The transformed inputs of one form and those of the next are
    // `form_stride` floats apart. In bfloat16 the first product has the sum of the window, its loudest part after a ReLU, and
    // half of the error: there, factors are split in two, and the inputs' lower parts are one more row after the last.
    SpectralWeights(const ConvBlock& block, const Weights& weights, const ShortConvolution& convolution, index first_offset,
                    index form_stride, const Kernels& kernels, const Bfloat16Kernels* bfloat16);

    const Phase& phase(index number) const { return phases_[number]; }
    index floats() const { return packed_.size(); }
    index bytes() const { return packed_.bytes(); }

  private:
    std::vector<Phase> phases_;
    FloatBuffer packed_;
};

}  // namespace convscope
