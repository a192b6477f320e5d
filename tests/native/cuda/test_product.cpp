// Tiles of columns and their packed weights, taken apart again by what cuda/product.h says of them.
#include "cuda/product.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "../checks.h"
#include "blocks.h"

namespace convscope::cuda {
namespace {

constexpr index depth = block_chunks * chunk_channels;

// The number of channel p at an offset for a column, in the image of its step.
Half unpacked(const std::vector<Half>& packed, index width, index images, index image, index row, index k) {
    const index in_step = k % depth, chunk = in_step / chunk_channels;
    const index place = row * depth + (chunk ^ (row % 8)) * chunk_channels + in_step % chunk_channels;
    return packed[((k / depth * images + image) * width) * depth + place];
}

void check_tiles(const NamedBlock& named, index width) {
    const ConvBlock& block = named.block;
    const std::string what = named.name + " in tiles of " + std::to_string(width);
    std::vector<int> covered(static_cast<std::size_t>(block.phases * block.out_channels));
    for (const ColumnTile& tile : column_tiles(block, width)) {
        expect(tile.count >= 1 && tile.count <= width, what + ": columns");
        const index first_phase = tile.first / block.out_channels;
        const index last_phase = (tile.first + tile.count - 1) / block.out_channels;
        expect(first_phase == last_phase || (tile.first % block.out_channels == 0 && tile.count % block.out_channels == 0),
               what + ": one phase, or whole ones");
        for (index column = tile.first; column < tile.first + tile.count; ++column) ++covered[column];
        expect(std::is_sorted(tile.offsets.begin(), tile.offsets.end()), what + ": offsets in order");
        for (index offset : tile.offsets)
            expect(std::any_of(block.taps.begin(), block.taps.end(),
                               [&](const Tap& tap) {
                                   return tap.offset == offset && tap.phase >= first_phase && tap.phase <= last_phase;
                               }),
                   what + ": an offset that nothing needs");
    }
    expect(std::all_of(covered.begin(), covered.end(), [](int times) { return times == 1; }), what + ": every column once");
}

// Every weight is where it should be, and there is nothing else.
void check_packing(const NamedBlock& named, index width, bool is_split) {
    const ConvBlock& block = named.block;
    const std::string what = named.name + ", width " + std::to_string(width) + (is_split ? ", split" : "");
    const Floats kernel = random_values(slots(block) * block.in_channels * block.out_channels);
    std::vector<double> of_inputs, of_outputs;  // powers of two
    for (index p = 0; p < block.in_channels; ++p) of_inputs.push_back(p % 2 == 0 ? 1.0 : 0x1p-3);
    for (index c = 0; c < block.out_channels; ++c) of_outputs.push_back(c % 3 == 0 ? 0x1p7 : 0x1p5);
    const index images = is_split ? 2 : 1;
    for (const ColumnTile& tile : column_tiles(block, width)) {
        const std::vector<Half> packed = pack_tile(block, kernel, tile, width, {of_inputs, of_outputs}, is_split);
        const index channels = padded_channels(block.in_channels);
        expect(static_cast<index>(packed.size()) == tile_blocks(block, tile) * images * width * depth, what + ": size");
        expect(tile_blocks(block, tile) * depth < static_cast<index>(tile.offsets.size()) * channels + depth, what + ": steps");
        index there = 0, wrong = 0;
        for (const Tap& tap : block.taps)
            for (index c = 0; c < block.out_channels; ++c) {
                const index row = tap.phase * block.out_channels + c - tile.first;
                if (row < 0 || row >= tile.count) continue;
                const index at = std::find(tile.offsets.begin(), tile.offsets.end(), tap.offset) - tile.offsets.begin();
                for (index p = 0; p < block.in_channels; ++p) {
                    const double scale = of_outputs[c] / of_inputs[p];
                    const double wanted = scale * kernel[(tap.slot * block.in_channels + p) * block.out_channels + c];
                    const Half upper = unpacked(packed, width, images, 0, row, at * channels + p);
                    wrong += upper == to_half(static_cast<float>(wanted)) ? 0 : 1;
                    there += upper != 0 ? 1 : 0;
                    if (!is_split) continue;
                    const Half lower = unpacked(packed, width, images, 1, row, at * channels + p);
                    there += lower != 0 ? 1 : 0;
                    const double sum = to_float(upper) + 0x1p-11 * to_float(lower);
                    wrong += std::abs(sum - wanted) <= 0x1p-22 * std::abs(wanted) + 0x1p-36 ? 0 : 1;
                }
            }
        expect(wrong == 0, what + ": " + std::to_string(wrong) + " weights that are not what they should be");
        const index filled = std::count_if(packed.begin(), packed.end(), [](Half half) { return (half & 0x7FFF) != 0; });
        expect(filled == there, what + ": " + std::to_string(filled - there) + " numbers that belong nowhere");
    }
}

}  // namespace
}  // namespace convscope::cuda

int main() {
    using namespace convscope;
    for (const NamedBlock& named : blocks_of_every_kind())
        for (index width : {8, 64, 128, 256}) {
            cuda::check_tiles(named, width);
            for (bool is_split : {false, true}) cuda::check_packing(named, width, is_split);
        }
    return report();
}
