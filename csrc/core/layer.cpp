#include "core/layer.h"

#include <algorithm>
#include <cstdlib>
#include <string>

#include "core/error.h"

namespace convscope {
namespace {

// Far beyond any sound, and two of them can be multiplied.
constexpr index largest_offset = index{1} << 31, largest_size = index{1} << 31;

void check(const Layer& layer, index number) {
    const ConvBlock& block = layer.block;
    const std::string at = "layer " + std::to_string(number) + ": ";
    const auto wants = [&](bool holds, const auto&... parts) { require(holds, "conv_block", at, parts...); };
    for (index size : {block.in_length, block.in_channels, block.out_length, block.out_channels, block.step, block.phases})
        wants(size < largest_size, "expected sizes below ", largest_size, ", got ", size);
    wants(block.in_length > 0 && block.in_channels > 0, "expected a non-empty input, got length ", block.in_length,
          " and channels ", block.in_channels);
    wants(block.out_length > 0 && block.out_channels > 0, "expected a non-empty output, got length ", block.out_length,
          " and channels ", block.out_channels);
    wants(block.step > 0 && block.phases > 0, "expected step and phases of at least 1, got ", block.step, " and ", block.phases);

    const index matrix = block.in_channels * block.out_channels, kernel = static_cast<index>(layer.weights.kernel.size());
    wants(kernel % matrix == 0, "expected weights (slots, ", block.in_channels, ", ", block.out_channels, "), got ", kernel,
          " values");
    for (const Tap& tap : block.taps) {
        wants(tap.phase >= 0 && tap.phase < block.phases, "expected tap phases below ", block.phases, ", got ", tap.phase);
        wants(tap.slot >= 0 && tap.slot < kernel / matrix, "expected tap slots below ", kernel / matrix, ", got ", tap.slot);
        wants(std::abs(tap.offset) < largest_offset, "expected tap offsets within ", largest_offset, " positions, got ",
              tap.offset);
    }

    const index bias = static_cast<index>(layer.weights.bias.size());
    wants(bias == block.out_channels || bias == block.phases * block.out_channels, "expected a bias of ", block.out_channels,
          " or ", block.phases, " x ", block.out_channels, " values, got ", bias);

    const Epilogue& epilogue = layer.epilogue;
    const index slope = static_cast<index>(layer.weights.slope.size());
    const index slopes = epilogue.activation == Activation::leaky_relu ? block.out_channels : 0;
    wants(slope == slopes, "expected ", slopes, " slopes, got ", slope);
    wants(epilogue.readouts >= 1 && (epilogue.readouts == 1 || epilogue.reduction == Reduction::readout),
          "expected one series unless the reduction is a readout, got ", epilogue.readouts);
    const index readout = static_cast<index>(layer.weights.readout.size());
    const index wanted = epilogue.reduction == Reduction::readout ? epilogue.readouts * block.out_channels : 0;
    wants(readout == wanted, "expected a readout of ", wanted, " values, got ", readout);
}

// A tap that no row finds inside the sample only multiplies zeros; without it the halo is no longer than the map.
void drop_idle_taps(ConvBlock& block) {
    const index last = (block.rows() - 1) * block.step;
    std::erase_if(block.taps, [&](const Tap& tap) { return tap.offset >= block.in_length || last + tap.offset < 0; });
}

}  // namespace

void check_layers(std::vector<Layer>& layers) {
    require(!layers.empty(), "program", "expected at least one layer, got none");
    for (std::size_t i = 0; i < layers.size(); ++i) {
        const ConvBlock& block = layers[i].block;
        check(layers[i], static_cast<index>(i));
        drop_idle_taps(layers[i].block);
        if (i == 0) continue;
        const ConvBlock& before = layers[i - 1].block;
        require(before.out_length == block.in_length && before.out_channels == block.in_channels, "program", "layer ", i,
                ": expected an input of ", before.out_length, " positions x ", before.out_channels, " channels, got ",
                block.in_length, " x ", block.in_channels);
    }
}

}  // namespace convscope
