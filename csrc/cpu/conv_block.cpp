// conv_block on a CPU: a register tile of rows x columns, compiled once per instruction set.
//
// Every output element is one chain of products in the order of its runs, whatever tile it falls in: this is why the same
// bits come out for every batch size, chunk and thread count. Inputs are read in place (one pointer per row; the halo
// around each sample is zero), weights from panels packed in the order of use.
#include "cpu/kernels.h"
#include "cpu/simd/math.h"

namespace convscope::CONVSCOPE_ISA {
namespace {

constexpr index panel_columns = Vec::lanes * Vec::tile_vectors;

// sums[row, column] += (or =) inputs of `Rows` rows times the weights of one group.
template <int Rows>
void multiply_tile(const float* const* rows, const Group& group, bool is_first, float* sums, index row_stride) {
    constexpr int vectors = Vec::tile_vectors;
    Vec total[Rows][vectors];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < vectors; ++v) total[i][v] = Vec::zero();

    const float* weight = group.weights;
    const index weight_stride = group.weight_stride;
    for (const Run* run = group.runs; run != group.runs + group.run_count; ++run) {
        const float* input[Rows];
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) input[i] = rows[i] + run->offset;
        for (index k = 0; k < run->length; ++k, weight += weight_stride) {
            Vec column[vectors];
#pragma GCC unroll 4
            for (int v = 0; v < vectors; ++v) column[v] = Vec::load(weight + v * Vec::lanes);
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

using TileFunction = void (*)(const float* const*, const Group&, bool, float*, index);
constexpr TileFunction tiles[] = {nullptr,          multiply_tile<1>, multiply_tile<2>, multiply_tile<3>, multiply_tile<4>,
                                  multiply_tile<5>, multiply_tile<6>, multiply_tile<7>, multiply_tile<8>};
static_assert(Vec::tile_rows <= 8);

// UBSan counts null + offset as an error, rightly.
const float* at(const float* values, index i) { return values == nullptr ? nullptr : values + i; }

Vec activated(Vec x, const Epilogue& epilogue, const float* slope) {
    switch (epilogue.activation) {
        case Activation::identity: break;
        case Activation::relu: x = max(Vec::zero(), x); break;
        case Activation::leaky_relu: x = multiply_add(min(Vec::zero(), x), Vec::load(slope), max(Vec::zero(), x)); break;
        case Activation::tanh: x = tanh(x); break;
        case Activation::sigmoid: x = sigmoid(x); break;
    }
    return x * Vec::broadcast(epilogue.scale);
}

// What the panel's columns of one row contribute to the series: the planner adds the panels up in their order.
void reduce_row(const float* values, const PanelTask& task, float* partial) {
    switch (task.epilogue->reduction) {
        case Reduction::none: break;
        case Reduction::mean: {
            Vec total = Vec::zero();
            for (index c = 0; c < panel_columns; c += Vec::lanes) total = total + Vec::load(values + c);
            *partial = sum(total);
            break;
        }
        case Reduction::rms: {
            Vec total = Vec::zero();
            for (index c = 0; c < panel_columns; c += Vec::lanes) {
                const Vec value = Vec::load(values + c);
                total = multiply_add(value, value, total);
            }
            *partial = sum(total);
            break;
        }
        case Reduction::max: {
            float top = values[0];
            for (index c = 1; c < task.columns; ++c) top = larger(top, values[c]);
            *partial = top;
            break;
        }
        case Reduction::readout:
            for (index k = 0; k < task.epilogue->readouts; ++k) {
                Vec total = Vec::zero();
                for (index c = 0; c < panel_columns; c += Vec::lanes)
                    total = multiply_add(Vec::load(values + c), Vec::load(task.readout + k * panel_columns + c), total);
                partial[k] = sum(total);
            }
            break;
    }
}

void finish_row(float* values, index row, const PanelTask& task) {
    const Epilogue& epilogue = *task.epilogue;
    float* const partial = task.partial == nullptr ? nullptr : task.partial + row * task.partial_row_stride;
    for (index c = 0; c < panel_columns; c += Vec::lanes) (Vec::load(values + c) + Vec::load(task.bias + c)).store(values + c);
    if (partial != nullptr && epilogue.before_activation) reduce_row(values, task, partial);
    for (index c = 0; c < panel_columns; c += Vec::lanes)
        activated(Vec::load(values + c), epilogue, at(task.slope, c)).store(values + c);
    for (index c = task.columns; c < panel_columns; ++c) values[c] = 0.0f;  // sigmoid(0) is not 0
    if (partial != nullptr && !epilogue.before_activation) reduce_row(values, task, partial);

    float* const out = task.out_rows == nullptr ? nullptr : task.out_rows[row];
    if (out == nullptr) return;
    if (task.columns == panel_columns) {
        for (index c = 0; c < panel_columns; c += Vec::lanes) Vec::load(values + c).store(out + c);
    } else {
        for (index c = 0; c < task.columns; ++c) out[c] = values[c];
    }
}

void conv_panel(const PanelTask& task) {
    if (task.group_count == 0)  // a phase without taps: its outputs are the bias
        for (index row = 0; row < task.row_count; ++row)
            for (index c = 0; c < panel_columns; ++c) task.scratch[row * task.scratch_row_stride + c] = 0.0f;
    for (index g = 0; g < task.group_count; ++g)
        for (index row = 0; row < task.row_count; row += Vec::tile_rows) {
            const index rows = row + Vec::tile_rows <= task.row_count ? Vec::tile_rows : task.row_count - row;
            tiles[rows](task.rows + row, task.groups[g], g == 0, task.scratch + row * task.scratch_row_stride,
                        task.scratch_row_stride);
        }
    if (task.epilogue == nullptr) return;
    for (index row = 0; row < task.row_count; ++row) finish_row(task.scratch + row * task.scratch_row_stride, row, task);
}

void activate(float* values, index count, const Epilogue& epilogue, const float* slope) {
    index i = 0;
    for (; i + Vec::lanes <= count; i += Vec::lanes) activated(Vec::load(values + i), epilogue, at(slope, i)).store(values + i);
    if (i == count) return;
    float rest[Vec::lanes] = {}, slopes[Vec::lanes] = {};
    for (index j = i; j < count; ++j) {
        rest[j - i] = values[j];
        if (slope != nullptr) slopes[j - i] = slope[j];
    }
    activated(Vec::load(rest), epilogue, slopes).store(rest);
    for (index j = i; j < count; ++j) values[j] = rest[j - i];
}

}  // namespace

const Kernels& table() {
    static constexpr Kernels kernels{Isa::CONVSCOPE_ISA, Vec::tile_rows, panel_columns, conv_panel, activate};
    return kernels;
}

}  // namespace convscope::CONVSCOPE_ISA
