// The weights of the spectral form in the order in which they are read: each is the sum over taps that it should be, stored once,
// used soon, and asked for once, ahead of its use.
#include "core/spectral_weights.h"

#include <cmath>
#include <string>

#include "checks.h"
#include "core/panels.h"
#include "cpu/kernels.h"

namespace convscope {
namespace {

ConvBlock transposed_block(index channels) {
    ConvBlock block{};
    block.in_length = 64;
    block.in_channels = channels;
    block.out_length = 256;
    block.out_channels = 70;
    block.step = 1;
    block.phases = 4;
    for (index slot = 0; slot < 25; ++slot) block.taps.push_back({slot % 4, slot / 4 - 3, slot});
    return block;
}

class WeightsCheck {
  public:
    WeightsCheck(const Kernels& kernels, const Bfloat16Kernels* bfloat16, index channels, index window)
        : kernels_(kernels),
          block_(transposed_block(channels)),
          short_(short_convolution(window, 7, bfloat16 == nullptr ? PairProducts::three : PairProducts::four)),
          what_(std::string(name(kernels.isa)) + (bfloat16 == nullptr ? "" : " bfloat16") + " " + std::to_string(channels) +
                " channels, window " + std::to_string(window)),
          kernel_(random_values(25 * channels * block_.out_channels)),
          weights_(block_, Weights{kernel_, {}, {}, {}}, short_, -3, 1000, kernels, bfloat16) {}

    void run() {
        index floats = 0;
        for (index number = 0; number < block_.phases; ++number) {
            const std::string what = what_ + ", phase " + std::to_string(number);
            check_order(weights_.phase(number), what);
            if (short_.pairs == PairProducts::three) check_values(number, what);
            floats += weights_.phase(number).panel_floats;
        }
        const index panels = (block_.out_channels + kernels_.tile_columns - 1) / kernels_.tile_columns;
        expect(weights_.floats() == floats * panels, what_ + ": floats");
    }

  private:
    void check_order(const SpectralWeights::Phase& phase, const std::string& what) const {
        const index width = kernels_.tile_columns;
        index used = 0, fetched = phase.steps.front().next_weights;
        const index ahead = fetched;
        for (const SpectralWeights::Step& step : phase.steps) {
            const index floats = step.depth * width;
            if (step.is_first_use) {
                expect(step.weights == used, what + ": weights are stored in the order of use");
                used += floats;
            } else if (step.subtrahend < 0) {
                expect(step.weights == used - floats, what + ": weights of the product before");
            } else {
                expect(step.weights == used - 2 * floats && step.subtrahend == used - floats,
                       what + ": difference of the last two");
            }
            expect(step.next_weights == fetched, what + ": fetched without gaps");
            fetched += step.next_floats;
            expect(step.next_floats <= std::max<index>(floats, 32 * step.depth), what + ": no more than a tile can fetch");
        }
        expect(used == phase.panel_floats, what + ": all are used");
        expect(fetched - ahead == phase.panel_floats, what + ": all are fetched");
    }

    // The first channel of every step, in every panel.
    void check_values(index number, const std::string& what) const {
        const SpectralWeights::Phase& phase = weights_.phase(number);
        for (const SpectralWeights::Step& step : phase.steps) {
            if (!step.is_first_use) continue;
            const index row = short_.products[phase.products[step.product].number].tap_row;
            for (index column = 0; column < block_.out_channels; ++column) {
                double wanted = 0;
                for (const Tap& tap : block_.taps)
                    if (tap.phase == number)
                        wanted += short_.tap_matrix[row * short_.taps + tap.offset + 3] *
                                  kernel_[(tap.slot * block_.in_channels + step.begin) * block_.out_channels + column];
                const float found =
                    phase.weights_of(column / kernels_.tile_columns, step.weights)[column % kernels_.tile_columns];
                expect(std::abs(found - wanted) <= 1e-7 * std::abs(wanted), what + ": a weight of row " + std::to_string(row));
            }
        }
    }

    const Kernels& kernels_;
    ConvBlock block_;
    ShortConvolution short_;
    std::string what_;
    Floats kernel_;
    SpectralWeights weights_;
};

}  // namespace
}  // namespace convscope

int main() {
    using namespace convscope;
    for (Isa isa : available_isas())
        for (index channels : {2, 40, 514, 1026})
            for (index window : {10, 14, 30}) {
                WeightsCheck(kernels(isa), nullptr, channels, window).run();
                if (const Bfloat16Kernels* bfloat16 = bfloat16_kernels(isa))
                    WeightsCheck(kernels(isa), bfloat16, channels, window).run();
            }
    return report();
}
