// The register tile: rows x columns sums of products, for any number of rows up to Vec::tile_rows.
#pragma once

#include "cpu/fetches.h"
#include "cpu/kernels.h"
#include "cpu/simd/vec.h"

namespace convscope::CONVSCOPE_ISA {

inline constexpr index panel_columns = Vec::lanes * Vec::tile_vectors;

// What a tile does with the weights of a group beside multiplying.
enum class Take { as_they_are, less_others, less_others_and_keep };

// sums[row, column] += (or =) inputs of `Rows` rows times the weights of one group. `ahead` is fetched meanwhile, `Lines`
// cache lines per step: weights are used once per block of rows, and the processor's own prefetcher was measured to come too
// late.
template <int Rows, int Lines, Take take>
void multiply_tile(const float* const* rows, const Group& group, bool is_first, float* sums, index row_stride,
                   const float* ahead) {
    constexpr int vectors = Vec::tile_vectors;
    Vec total[Rows][vectors];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) total[i][v] = Vec::zero();

    const float* weight = group.weights;
    const index weight_stride = group.weight_stride;
    [[maybe_unused]] const float* subtrahend = group.subtrahend;
    [[maybe_unused]] float* difference = group.difference;
    for (const Run* run = group.runs; run != group.runs + group.run_count; ++run) {
        const float* input[Rows];
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) input[i] = rows[i] + run->offset;
        for (index k = 0; k < run->length; ++k, weight += weight_stride, ahead += Lines * line_floats) {
#pragma GCC unroll 2
            for (int i = 0; i < Lines; ++i) __builtin_prefetch(ahead + i * line_floats, 0, 2);
            Vec column[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) {
                column[v] = Vec::load(weight + v * Vec::lanes);
                if constexpr (take != Take::as_they_are) column[v] = column[v] - Vec::load(subtrahend + v * Vec::lanes);
                if constexpr (take == Take::less_others_and_keep) column[v].store(difference + v * Vec::lanes);
            }
            if constexpr (take != Take::as_they_are) subtrahend += panel_columns;
            if constexpr (take == Take::less_others_and_keep) difference += panel_columns;
#pragma GCC unroll 16
            for (int i = 0; i < Rows; ++i) {
                const Vec x = Vec::broadcast(input[i][k]);
#pragma GCC unroll 4
                for (int v = 0; v < vectors; ++v) total[i][v] = multiply_add(x, column[v], total[i][v]);
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) {
            float* place = sums + i * row_stride + v * Vec::lanes;
            (is_first ? total[i][v] : Vec::load(place) + total[i][v]).store(place);
        }
}

using TileFunction = void (*)(const float* const*, const Group&, bool, float*, index, const float*);
template <int Lines, Take take = Take::as_they_are>
inline constexpr TileFunction tiles[] = {nullptr,
                                         multiply_tile<1, Lines, take>,
                                         multiply_tile<2, Lines, take>,
                                         multiply_tile<3, Lines, take>,
                                         multiply_tile<4, Lines, take>,
                                         multiply_tile<5, Lines, take>,
                                         multiply_tile<6, Lines, take>,
                                         multiply_tile<7, Lines, take>,
                                         multiply_tile<8, Lines, take>};
static_assert(Vec::tile_rows <= 8);

}  // namespace convscope::CONVSCOPE_ISA
