#include "cuda/fused.h"

#include <algorithm>

namespace convscope::cuda {
namespace {

// Where a tap of the last layer takes position `phase` of a row, relative to the row's outputs.
index reached(const ConvBlock& last, const Tap& tap, index phase) { return (phase - tap.offset) * last.phases + tap.phase; }

}  // namespace

FusedShape fused_shape(const ConvBlock& before, const ConvBlock& last) {
    index first = reached(last, last.taps.front(), 0), end = first;
    for (const Tap& tap : last.taps) {
        first = std::min(first, reached(last, tap, 0));
        end = std::max(end, reached(last, tap, before.phases - 1) + 1);
    }
    return {first, end - first, before.phases * last.phases};
}

bool suits_fusion(const ConvBlock& before, const ConvBlock& last) {
    return last.step == 1 && last.out_channels == 1 && !last.taps.empty() && fused_shape(before, last).count <= fused_outputs;
}

std::vector<Half> pack_fused(const ConvBlock& before, const ColumnTile& tile, index width, const ConvBlock& last,
                             const std::vector<float>& kernel, const Scales& scales, bool is_split) {
    constexpr index depth = block_chunks * chunk_channels;
    const index images = is_split ? 2 : 1, first = fused_shape(before, last).first;
    std::vector<Half> packed(static_cast<std::size_t>(width / depth * images * fused_outputs * depth));
    for (index k = 0; k < tile.count; ++k) {
        const index phase = (tile.first + k) / before.out_channels, channel = (tile.first + k) % before.out_channels;
        Half* const image = packed.data() + k / depth * images * fused_outputs * depth;
        for (const Tap& tap : last.taps) {
            const index row = reached(last, tap, phase) - first;
            const double weight = static_cast<double>(kernel[tap.slot * before.out_channels + channel]);
            set_weight(image, fused_outputs, row, k % depth, scales.outputs[0] / scales.inputs[channel] * weight, is_split);
        }
    }
    return packed;
}

}  // namespace convscope::cuda
