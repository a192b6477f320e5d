// conv_block on a CPU: a register tile of rows x columns, compiled once per instruction set.
//
// Every output element is one chain of products in the order of its runs, whatever tile it falls in: this is why the same
// bits come out for every batch size, chunk and thread count. Inputs are read in place (one pointer per row; the halo
// around each sample is zero), weights from panels packed in the order of use.
#include "cpu/simd/math.h"
#include "cpu/tile.h"
#include "cpu/transforms.h"

namespace convscope::CONVSCOPE_ISA {
namespace {

template <Activation kind>
[[gnu::always_inline]] inline Vec activated(Vec x, Vec slope) {
    if constexpr (kind == Activation::relu) return max(Vec::zero(), x);
    if constexpr (kind == Activation::leaky_relu) return multiply_add(min(Vec::zero(), x), slope, max(Vec::zero(), x));
    if constexpr (kind == Activation::tanh) return tanh(x);
    if constexpr (kind == Activation::sigmoid) return sigmoid(x);
    return x;
}

// One row of a panel, in registers.
struct PanelRow {
    Vec part[Vec::tile_vectors];

    static PanelRow load(const float* values) {
        PanelRow row;
#pragma GCC unroll 4
        for (int v = 0; v < Vec::tile_vectors; ++v) row.part[v] = Vec::load(values + v * Vec::lanes);
        return row;
    }
    void store(float* values) const {
#pragma GCC unroll 4
        for (int v = 0; v < Vec::tile_vectors; ++v) part[v].store(values + v * Vec::lanes);
    }
};

[[gnu::always_inline]] inline float sum_of_products(const PanelRow& row, const float* factors) {
    Vec total = Vec::zero();
    for (int v = 0; v < Vec::tile_vectors; ++v) total = multiply_add(row.part[v], Vec::load(factors + v * Vec::lanes), total);
    return sum(total);
}

// What the panel's columns of one row contribute to the series: the planner adds the panels up in their order.
[[gnu::always_inline]] inline void reduce_row(const PanelRow& row, const PanelTask& task, float* partial) {
    switch (task.epilogue->reduction) {
        case Reduction::none: break;
        case Reduction::mean: {
            Vec total = Vec::zero();
            for (int v = 0; v < Vec::tile_vectors; ++v) total = total + row.part[v];
            *partial = sum(total);
            break;
        }
        case Reduction::rms: {
            Vec total = Vec::zero();
            for (int v = 0; v < Vec::tile_vectors; ++v) total = multiply_add(row.part[v], row.part[v], total);
            *partial = sum(total);
            break;
        }
        case Reduction::max: {
            float values[panel_columns];
            row.store(values);
            float top = values[0];
            for (index c = 1; c < task.columns; ++c) top = larger(top, values[c]);
            *partial = top;
            break;
        }
        case Reduction::readout:
            for (index k = 0; k < task.epilogue->readouts; ++k)
                partial[k] = sum_of_products(row, task.readout + k * panel_columns);
            break;
    }
}

template <Activation kind>
void finish_rows(const PanelTask& task) {
    const Epilogue& epilogue = *task.epilogue;
    const Vec scale = Vec::broadcast(epilogue.scale);
    const bool is_whole = task.columns == panel_columns;
    const PanelRow bias = PanelRow::load(task.bias);
    PanelRow slope{};
    if constexpr (kind == Activation::leaky_relu) slope = PanelRow::load(task.slope);

    float* partial = task.partial;
    for (index i = 0; i < task.row_count; ++i) {
        float* const values = task.scratch + i * task.scratch_row_stride;
        PanelRow row = PanelRow::load(values);
#pragma GCC unroll 4
        for (int v = 0; v < Vec::tile_vectors; ++v) row.part[v] = row.part[v] + bias.part[v];
        if (partial != nullptr && epilogue.before_activation) reduce_row(row, task, partial);
#pragma GCC unroll 4
        for (int v = 0; v < Vec::tile_vectors; ++v) row.part[v] = activated<kind>(row.part[v], slope.part[v]) * scale;
        if (!is_whole) {
            row.store(values);
            for (index c = task.columns; c < panel_columns; ++c) values[c] = 0.0f;  // sigmoid(0) is not 0
            row = PanelRow::load(values);
        }
        if (partial != nullptr && !epilogue.before_activation) reduce_row(row, task, partial);
        if (partial != nullptr) partial += task.partial_row_stride;

        float* const out = task.out_rows == nullptr ? nullptr : task.out_rows[i];
        if (out == nullptr) continue;
        if (is_whole) {
            row.store(out);
        } else {
            for (index c = 0; c < task.columns; ++c) out[c] = values[c];
        }
    }
}

using FinishFunction = void (*)(const PanelTask&);
FinishFunction finish(Activation activation) {
    switch (activation) {
        case Activation::identity: break;
        case Activation::relu: return finish_rows<Activation::relu>;
        case Activation::leaky_relu: return finish_rows<Activation::leaky_relu>;
        case Activation::tanh: return finish_rows<Activation::tanh>;
        case Activation::sigmoid: return finish_rows<Activation::sigmoid>;
    }
    return finish_rows<Activation::identity>;
}

void finish_panel(const PanelTask& task) { finish(task.epilogue->activation)(task); }

void conv_panel(const PanelTask& task) {
    if (task.row_count == 0) return;
    if (task.group_count == 0)  // a phase without taps: its outputs are the bias
        for (index row = 0; row < task.row_count; ++row)
            for (index c = 0; c < panel_columns; ++c) task.scratch[row * task.scratch_row_stride + c] = 0.0f;
    for (index g = 0; g < task.group_count; ++g) {
        const Group& group = task.groups[g];
        const bool is_first = g == 0 && !task.adds;
        Fetches fetches(task, g, panel_columns);
        if (task.row_count <= Vec::tile_rows) {
            const bool two_lines = fetches.needs_two_lines();
            const TileFunction tile =
                group.subtrahend != nullptr
                    ? (two_lines ? tiles<2, Take::less_others> : tiles<1, Take::less_others>)[task.row_count]
                    : (two_lines ? tiles<2> : tiles<1>)[task.row_count];
            tile(task.rows, group, is_first, task.scratch, task.scratch_row_stride, fetches.next());
            continue;
        }
        Group rest = group;
        for (index row = 0; row < task.row_count; row += Vec::tile_rows) {
            const index rows = row + Vec::tile_rows <= task.row_count ? Vec::tile_rows : task.row_count - row;
            const TileFunction tile = (rest.subtrahend == nullptr ? tiles<1> : tiles<1, Take::less_others_and_keep>)[rows];
            tile(task.rows + row, rest, is_first, task.scratch + row * task.scratch_row_stride, task.scratch_row_stride,
                 fetches.next());
            if (rest.subtrahend != nullptr) rest = {group.runs, group.run_count, group.difference, panel_columns};
        }
    }
    if (task.epilogue != nullptr) finish_panel(task);
}

template <Activation kind>
void activate_all(float* values, index count, float scale, const float* slope) {
    index i = 0;
    const auto slopes = [&](index at) {
        if constexpr (kind == Activation::leaky_relu) return Vec::load(slope + at);
        return Vec::zero();
    };
    for (; i + Vec::lanes <= count; i += Vec::lanes)
        (activated<kind>(Vec::load(values + i), slopes(i)) * Vec::broadcast(scale)).store(values + i);
    if (i == count) return;
    float rest[Vec::lanes] = {}, last_slopes[Vec::lanes] = {};
    for (index j = i; j < count; ++j) {
        rest[j - i] = values[j];
        if (slope != nullptr) last_slopes[j - i] = slope[j];
    }
    (activated<kind>(Vec::load(rest), Vec::load(last_slopes)) * Vec::broadcast(scale)).store(rest);
    for (index j = i; j < count; ++j) values[j] = rest[j - i];
}

void activate(float* values, index count, const Epilogue& epilogue, const float* slope) {
    switch (epilogue.activation) {
        case Activation::identity: return activate_all<Activation::identity>(values, count, epilogue.scale, slope);
        case Activation::relu: return activate_all<Activation::relu>(values, count, epilogue.scale, slope);
        case Activation::leaky_relu: return activate_all<Activation::leaky_relu>(values, count, epilogue.scale, slope);
        case Activation::tanh: return activate_all<Activation::tanh>(values, count, epilogue.scale, slope);
        case Activation::sigmoid: return activate_all<Activation::sigmoid>(values, count, epilogue.scale, slope);
    }
}

void overlap_add(const float* products, index rows, index row_stride, index shift, index columns, float* out) {
    const index end = (rows - 1) * shift + columns;
    index first = 0;  // row that reaches the outputs at hand
    for (index o = 0; o < end; o += Vec::lanes) {
        while (first < rows && first * shift + columns <= o) ++first;
        Vec total = Vec::zero();
        for (index i = first; i < rows && i * shift < o + Vec::lanes; ++i)
            total = total + Vec::load(products + i * row_stride + o - i * shift);
        total.store(out + o);
    }
}

}  // namespace

const Kernels& table() {
    static constexpr Kernels kernels{Isa::CONVSCOPE_ISA, Vec::lanes,   Vec::tile_rows,   panel_columns,      conv_panel,
                                     activate,           finish_panel, transform_inputs, transform_products, overlap_add};
    return kernels;
}

}  // namespace convscope::CONVSCOPE_ISA
