// The register tile of conv_block with VDPBF16PS. Two products of a pair are added before they join the sum, without
// intermediate rounding of the products; subnormal numbers count as zero (Intel, Software Developer's Manual, VDPBF16PS).
#include <immintrin.h>

#include "cpu/fetches.h"
#include "cpu/kernels.h"

namespace convscope::CONVSCOPE_ISA {
namespace {

constexpr int tile_rows = 8, tile_vectors = 2, lanes = 16, columns = tile_vectors * lanes;

__m512bh as_pairs(__m512 bits) { return reinterpret_cast<__m512bh>(bits); }

template <int Rows, int Lines>
void multiply_tile(const float* const* rows, const Group& group, bool is_first, float* sums, index row_stride,
                   const float* ahead) {
    __m512 total[Rows][tile_vectors];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < tile_vectors; ++v) total[i][v] = _mm512_setzero_ps();

    const float* weight = group.weights;
    for (const Run* run = group.runs; run != group.runs + group.run_count; ++run) {
        const float* input[Rows];
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) input[i] = rows[i] + run->offset;
        for (index k = 0; k < run->length; ++k, weight += group.weight_stride, ahead += Lines * line_floats) {
#pragma GCC unroll 2
            for (int i = 0; i < Lines; ++i) __builtin_prefetch(ahead + i * line_floats, 0, 2);
            __m512bh column[tile_vectors];
#pragma GCC unroll 4
            for (int v = 0; v < tile_vectors; ++v) column[v] = as_pairs(_mm512_loadu_ps(weight + v * lanes));
#pragma GCC unroll 16
            for (int i = 0; i < Rows; ++i) {
                const __m512bh x = as_pairs(_mm512_set1_ps(input[i][k]));
#pragma GCC unroll 4
                for (int v = 0; v < tile_vectors; ++v) total[i][v] = _mm512_dpbf16_ps(total[i][v], x, column[v]);
            }
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < tile_vectors; ++v) {
            float* place = sums + i * row_stride + v * lanes;
            _mm512_storeu_ps(place, is_first ? total[i][v] : _mm512_add_ps(_mm512_loadu_ps(place), total[i][v]));
        }
}

using TileFunction = void (*)(const float* const*, const Group&, bool, float*, index, const float*);
template <int Lines>
constexpr TileFunction tiles[] = {nullptr,
                                  multiply_tile<1, Lines>,
                                  multiply_tile<2, Lines>,
                                  multiply_tile<3, Lines>,
                                  multiply_tile<4, Lines>,
                                  multiply_tile<5, Lines>,
                                  multiply_tile<6, Lines>,
                                  multiply_tile<7, Lines>,
                                  multiply_tile<8, Lines>};
static_assert(tile_rows <= 8);

void multiply(const PanelTask& task) {
    for (index g = 0; g < task.group_count; ++g) {
        Fetches fetches(task, g, columns);
        for (index row = 0; row < task.row_count; row += tile_rows) {
            const index rows = row + tile_rows <= task.row_count ? tile_rows : task.row_count - row;
            const TileFunction tile = (task.row_count <= tile_rows && fetches.needs_two_lines() ? tiles<2> : tiles<1>)[rows];
            tile(task.rows + row, task.groups[g], g == 0 && !task.adds, task.scratch + row * task.scratch_row_stride,
                 task.scratch_row_stride, fetches.next());
        }
    }
}

// x without its nearest bfloat16 number.
__m512 remainder(__m512 x) {
    const __m512i upper = _mm512_slli_epi32(_mm512_cvtepu16_epi32(reinterpret_cast<__m256i>(_mm512_cvtneps_pbh(x))), 16);
    return _mm512_sub_ps(x, _mm512_castsi512_ps(upper));
}

void store_pairs(__m512 lower, __m512 upper, __mmask16 mask, float* to) {
    _mm512_mask_storeu_ps(to, mask, reinterpret_cast<__m512>(_mm512_cvtne2ps_pbh(upper, lower)));
}

void convert(const float* from, index count, float* to, float* rest) {
    for (index i = 0; i < count; i += columns) {
        const __m512 lower = _mm512_loadu_ps(from + i), upper = _mm512_loadu_ps(from + i + lanes);
        const index left = (count - i) / 2;
        const __mmask16 mask = static_cast<__mmask16>(left >= lanes ? 0xFFFFu : (1u << left) - 1u);
        store_pairs(lower, upper, mask, to + i / 2);
        if (rest != nullptr) store_pairs(remainder(lower), remainder(upper), mask, rest + i / 2);
    }
}

constexpr Bfloat16Kernels functions{multiply, convert};

}  // namespace

const Bfloat16Kernels& table() { return functions; }

}  // namespace convscope::CONVSCOPE_ISA
