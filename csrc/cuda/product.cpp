#include "cuda/product.h"

#include <algorithm>
#include <set>

namespace convscope::cuda {

std::vector<ColumnTile> column_tiles(const ConvBlock& block, index width) {
    std::vector<ColumnTile> tiles;
    const index channels = block.out_channels, phases_together = std::max<index>(width / channels, 1);
    for (index phase = 0; phase < block.phases; phase += phases_together) {
        const index last_phase = std::min(phase + phases_together, block.phases);
        std::set<index> offsets;
        for (const Tap& tap : block.taps)
            if (tap.phase >= phase && tap.phase < last_phase) offsets.insert(tap.offset);
        const index end = last_phase * channels;
        for (index first = phase * channels; first < end; first += width)
            tiles.push_back({first, std::min(width, end - first), {offsets.begin(), offsets.end()}});
    }
    return tiles;
}

index tile_blocks(const ConvBlock& block, const ColumnTile& tile) {
    const index chunks = static_cast<index>(tile.offsets.size()) * padded_channels(block.in_channels) / chunk_channels;
    return (chunks + block_chunks - 1) / block_chunks;
}

void set_weight(Half* image, index rows, index row, index k, double weight, bool is_split) {
    constexpr index depth = block_chunks * chunk_channels;
    const index chunk = k / chunk_channels,
                place = row * depth + (chunk ^ row % block_chunks) * chunk_channels + k % chunk_channels;
    image[place] = to_half(static_cast<float>(weight));
    if (is_split) image[rows * depth + place] = to_half(static_cast<float>(0x1p11 * (weight - to_float(image[place]))));
}

std::vector<Half> pack_tile(const ConvBlock& block, const std::vector<float>& kernel, const ColumnTile& tile, index width,
                            const Scales& scales, bool is_split) {
    constexpr index depth = block_chunks * chunk_channels;
    const index channels = padded_channels(block.in_channels), images = is_split ? 2 : 1;
    std::vector<Half> packed(static_cast<std::size_t>(tile_blocks(block, tile) * images * width * depth));
    for (const Tap& tap : block.taps) {
        const auto at = std::lower_bound(tile.offsets.begin(), tile.offsets.end(), tap.offset);
        const index from = std::max(tile.first, tap.phase * block.out_channels);
        const index to = std::min(tile.first + tile.count, (tap.phase + 1) * block.out_channels);
        for (index p = 0; p < block.in_channels && from < to; ++p) {
            const index k = (at - tile.offsets.begin()) * channels + p;
            const float* const weights =
                kernel.data() + (tap.slot * block.in_channels + p) * block.out_channels - tap.phase * block.out_channels;
            Half* const image = packed.data() + k / depth * images * width * depth;
            for (index column = from; column < to; ++column) {
                const double scale = scales.outputs[column - tap.phase * block.out_channels] / scales.inputs[p];
                set_weight(image, width, column - tile.first, k % depth, scale * static_cast<double>(weights[column]), is_split);
            }
        }
    }
    return packed;
}

}  // namespace convscope::cuda
