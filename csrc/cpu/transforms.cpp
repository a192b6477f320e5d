// The transforms of a short convolution: the discrete Fourier transform of a real window, one step of radix four around a small
// matrix for each residue of the position. Columns are channels, so every step is the same for all lanes.
#include "cpu/transforms.h"

#include "cpu/tile.h"

namespace convscope::CONVSCOPE_ISA {
namespace {

// to (rows, columns of a panel) = matrix (rows, depth) times `from`.
void multiply_small(const float* matrix, index rows, index depth, const float* from, index from_stride, float* to,
                    index to_stride) {
    const Run run{0, depth};
    const Group group{&run, 1, from, from_stride};
    const float* row_of[Vec::tile_rows];
    for (index row = 0; row < rows; row += Vec::tile_rows) {
        const index count = row + Vec::tile_rows <= rows ? Vec::tile_rows : rows - row;
        for (index i = 0; i < count; ++i) row_of[i] = matrix + (row + i) * depth;
        tiles<0>[count](row_of, group, true, to + row* to_stride, to_stride, nullptr);
    }
}

struct Complex {
    Vec re, im;
};
[[gnu::always_inline]] inline Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
[[gnu::always_inline]] inline Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
[[gnu::always_inline]] inline Complex times_i(Complex a) { return {Vec::zero() - a.im, a.re}; }

constexpr index point_forms = 3;
template <PairProducts pairs>
constexpr index point_products = pairs == PairProducts::three ? 3 : 2;

// The three forms of a point's value that its products take, and what its products say.
template <PairProducts pairs>
[[gnu::always_inline]] inline void store_point(Complex value, float* to, index stride) {
    constexpr bool are_three = pairs == PairProducts::three;
    (are_three ? value.im : value.re).store(to);
    (are_three ? value.re : value.im).store(to + stride);
    (are_three ? value.re + value.im : Vec::zero() - value.re).store(to + 2 * stride);
}
template <PairProducts pairs>
[[gnu::always_inline]] inline Complex load_point(const float* products) {
    const Vec first = Vec::load(products), second = Vec::load(products + panel_columns);
    if constexpr (pairs == PairProducts::four) return {first, second};
    const Vec both = Vec::load(products + 2 * panel_columns);
    return {multiply_add(Vec::broadcast(-2.0f), first, both), multiply_add(Vec::broadcast(2.0f), second, both)};
}

// Sums of the four residues at a point z, `residue_stride` apart, to the values at z, iz, -z and -iz.
template <PairProducts pairs>
[[gnu::always_inline]] inline void spread(const float* sums, index residue_stride, bool is_half, float* to, index stride) {
    Complex sum[4];
#pragma GCC unroll 4
    for (int residue = 0; residue < 4; ++residue) {
        const float* from = sums + residue * residue_stride;
        sum[residue] = {Vec::load(from), Vec::load(from + panel_columns)};
    }
    const Complex even = sum[0] + sum[2], odd = sum[1] + sum[3];
    const Complex even_left = sum[0] - sum[2], odd_left = times_i(sum[1] - sum[3]);
    store_point<pairs>(even + odd, to, stride);
    store_point<pairs>(even_left + odd_left, to + point_forms * stride, stride);
    if (is_half) return;
    store_point<pairs>(even - odd, to + 2 * point_forms * stride, stride);
    store_point<pairs>(even_left - odd_left, to + 3 * point_forms * stride, stride);
}

// The other way round: what four points contribute to the outputs of each residue, before cos and sin of z's powers.
template <PairProducts pairs>
[[gnu::always_inline]] inline void gather(const float* products, bool is_half, float* sums, index residue_stride) {
    constexpr index point_floats = point_products<pairs> * panel_columns;
    const Complex none{Vec::zero(), Vec::zero()};
    Complex point[4] = {load_point<pairs>(products), load_point<pairs>(products + point_floats), none, none};
    if (!is_half) {
        point[2] = load_point<pairs>(products + 2 * point_floats);
        point[3] = load_point<pairs>(products + 3 * point_floats);
    }
    const Complex even = point[0] + point[2], odd = point[1] + point[3];
    const Complex even_left = point[0] - point[2], odd_left = times_i(point[1] - point[3]);
    const Complex of_residue[4] = {even + odd, even_left - odd_left, even - odd, even_left + odd_left};
#pragma GCC unroll 4
    for (int residue = 0; residue < 4; ++residue) {
        float* const to = sums + residue * residue_stride;
        of_residue[residue].re.store(to);
        of_residue[residue].im.store(to + panel_columns);
    }
}

bool is_half(const Transforms& transforms, index four) { return 2 * four == transforms.quarter; }

template <PairProducts pairs>
void transform_inputs_of(const Transforms& transforms, const float* from, index from_stride, float* scratch, float* to,
                         index to_stride) {
    const index rows = 1 + 2 * transforms.fours, residue_stride = rows * panel_columns;
    for (index residue = 0; residue < 4; ++residue)
        multiply_small(transforms.input_rows[residue], rows, transforms.quarter,
                       from + (residue == 0 ? 4 : residue) * from_stride, 4 * from_stride, scratch + residue * residue_stride,
                       panel_columns);

    const index last = transforms.inputs - 1;
    float* const ends = to + (transforms.forms - 2) * to_stride;
    for (int v = 0; v < Vec::tile_vectors; ++v) {
        const index column = v * Vec::lanes;
        const auto input = [&](index i) { return Vec::load(from + i * from_stride + column); };
        (input(0) - input(last - 1)).store(ends + column);
        (input(last) - input(1)).store(ends + to_stride + column);

        float* out = to + column;
        const float* sums = scratch + column;
        const auto sum = [&](index residue) { return Vec::load(sums + residue * residue_stride); };
        const Vec even = sum(0) + sum(2), odd = sum(1) + sum(3);
        (even + odd).store(out);
        (even - odd).store(out + to_stride);
        store_point<pairs>({sum(0) - sum(2), sum(1) - sum(3)}, out + 2 * to_stride, to_stride);
        out += (2 + point_forms) * to_stride;
        sums += panel_columns;
        for (index four = 1; four <= transforms.fours; ++four, out += 4 * point_forms * to_stride, sums += 2 * panel_columns)
            spread<pairs>(sums, residue_stride, is_half(transforms, four), out, to_stride);
    }
}

template <PairProducts pairs>
void transform_products_of(const Transforms& transforms, const float* products, const float* const ends[2], index rows,
                           float* scratch, float* to) {
    constexpr index point_floats = point_products<pairs> * panel_columns;
    const index depth = 1 + 2 * transforms.fours, residue_stride = depth * panel_columns;
    for (int v = 0; v < Vec::tile_vectors; ++v) {
        const float* from = products + v * Vec::lanes;
        float* sums = scratch + v * Vec::lanes;
        const Vec plus = Vec::load(from), minus = Vec::load(from + panel_columns);
        const Vec even = plus + minus, odd = plus - minus;
        const Complex i = load_point<pairs>(from + 2 * panel_columns);
        (even + i.re).store(sums);
        (odd + i.im).store(sums + residue_stride);
        (even - i.re).store(sums + 2 * residue_stride);
        (odd - i.im).store(sums + 3 * residue_stride);
        from += 2 * panel_columns + point_floats;
        sums += panel_columns;
        for (index four = 1; four <= transforms.fours; ++four, from += 4 * point_floats, sums += 2 * panel_columns)
            gather<pairs>(from, is_half(transforms, four), sums, residue_stride);
    }
    for (index residue = 0; residue < 4; ++residue)
        multiply_small(transforms.output_rows[residue], (rows - residue + 3) / 4, depth, scratch + residue * residue_stride,
                       panel_columns, to + residue * panel_columns, 4 * panel_columns);

    const index reached[2] = {0, transforms.outputs - 1};
    for (int end = 0; end < 2; ++end) {
        if (ends[end] == nullptr || reached[end] >= rows) continue;
        float* const row = to + reached[end] * panel_columns;
        for (index column = 0; column < panel_columns; column += Vec::lanes)
            (Vec::load(row + column) + Vec::load(ends[end] + column)).store(row + column);
    }
}

}  // namespace

void transform_inputs(const Transforms& transforms, const float* from, index from_stride, float* scratch, float* to,
                      index to_stride) {
    const auto transform = transforms.pairs == PairProducts::three ? transform_inputs_of<PairProducts::three>
                                                                   : transform_inputs_of<PairProducts::four>;
    transform(transforms, from, from_stride, scratch, to, to_stride);
}

void transform_products(const Transforms& transforms, const float* products, const float* const ends[2], index rows,
                        float* scratch, float* to) {
    const auto transform = transforms.pairs == PairProducts::three ? transform_products_of<PairProducts::three>
                                                                   : transform_products_of<PairProducts::four>;
    transform(transforms, products, ends, rows, scratch, to);
}

}  // namespace convscope::CONVSCOPE_ISA
