// What a CPU instruction set offers to the planner: a few functions and the tile they work in. Plain data only, so that
// nothing compiled for one instruction set leaks into another.
#pragma once

#include "core/isa.h"
#include "core/ops/conv_block.h"

namespace convscope {

// `length` consecutive input floats from `offset` floats after a row's pointer.
struct Run {
    index offset;
    index length;
};

// Runs that are summed in registers before they are added to the tile: it bounds the rounding error of long sums.
struct Group {
    const Run* runs;
    index run_count;
    const float* weights;  // (depth, tile_columns)
    index weight_stride;   // floats from one depth to the next: tile_columns when packed
    // The weights are these less others, both packed; room for the difference, which many rows share.
    const float* subtrahend = nullptr;
    float* difference = nullptr;  // (depth, tile_columns)
};

// One panel of output columns, at one phase, for a block of rows.
struct PanelTask {
    const float* const* rows;  // row_count input pointers
    index row_count;
    const Group* groups;
    index group_count;
    bool adds;                  // to the sums that scratch holds
    const float* next_weights;  // what will be needed next, to be fetched meanwhile; null when unknown
    index next_floats;          // of them, in whole cache lines for each float of depth
    const float* next_inputs;   // likewise: where the rows of the task that follows begin, one after the other; or null

    const float* bias;         // (tile_columns,), zeros past `columns`
    index columns;             // of this panel that exist
    const Epilogue* epilogue;  // null: the caller wants the sums themselves, in scratch
    const float* slope;        // (tile_columns,); null unless the activation is leaky_relu
    const float* readout;      // (K, tile_columns) of this panel, zeros past `columns`; null unless the reduction is a readout

    float* scratch;            // (row_count, tile_columns)
    index scratch_row_stride;  // floats
    float* const* out_rows;    // where each row's columns go, or null: the map is not stored. Null entries are skipped.
    float* partial;            // first row's sums (K,), or null: nothing is reduced
    index partial_row_stride;  // floats
};

// The real products of a complex point, for weights wr + i wi: three, of xi, xr and xr + xi, each with a weight of its own; or
// four in two sums, of (xr, xi) and (xi, -xr) with the same two weights.
enum class PairProducts { three, four };

// The matrices A and C of a short convolution (core/short_convolution.h). Its forms and products are those of the points 1, -1
// and i, then of `fours` more points z with iz, -z and -iz, then of zero and infinity. A complex point has three forms, xi, xr
// and xr + xi or xr, xi and -xr, and three products or two sums of two. Of the last four points there are only z and iz where
// the others are their conjugates: where `quarter` is even.
struct Transforms {
    PairProducts pairs;
    index inputs, forms, products, outputs;
    index quarter, fours;
    index sums;                   // rows of scratch
    const float* input_rows[4];   // by residue of the position: (1 + 2 fours, quarter) of the inputs 1 to 4 quarter
    const float* output_rows[4];  // (outputs of that residue, 1 + 2 fours)
};

struct Kernels {
    Isa isa;
    index lanes;
    index tile_rows;
    index tile_columns;
    void (*conv_panel)(const PanelTask&);
    // In place; `slope` has a value for each element, or is null unless the activation is leaky_relu.
    void (*activate)(float* values, index count, const Epilogue&, const float* slope);
    // Bias, activation, reduction and storing for sums that are in scratch.
    void (*finish_panel)(const PanelTask&);
    // A X: rows of a panel, `from_stride` floats apart, to rows `to_stride` apart. `scratch` holds `sums` packed rows.
    void (*transform_inputs)(const Transforms&, const float* from, index from_stride, float* scratch, float* to, index to_stride);
    // The first `rows` outputs C V from packed rows of a panel. `ends`: the rows of zero's and infinity's product, or null.
    void (*transform_products)(const Transforms&, const float* products, const float* const ends[2], index rows, float* scratch,
                               float* to);
    // out[o] = sum over i of products[i * row_stride + o - i * shift], in the order of i, for every o that one of the rows
    // reaches, rounded up to whole vectors. A row has `columns` products and `lanes` zeros on either side.
    void (*overlap_add)(const float* products, index rows, index row_stride, index shift, index columns, float* out);
};

// Products of bfloat16 numbers, added up in float32: twice as many per instruction, with 8 significant bits in each factor.
// Two neighbouring numbers take the place of one float, so that a PanelTask describes the work unchanged: its depth is in pairs.
struct Bfloat16Kernels {
    void (*multiply)(const PanelTask&);  // the sums, to scratch; no epilogue
    // `count` floats, a multiple of 2, to half as many pairs, rounded to nearest even, and what that leaves to `rest`, which
    // may be null. Reads 32 floats at a time.
    void (*convert)(const float* from, index count, float* to, float* rest);
};

const Bfloat16Kernels* bfloat16_kernels(Isa isa);  // null when this build or this processor has no instructions for them

const Kernels& kernels(Isa isa);  // throws std::invalid_argument when this build does not hold them

}  // namespace convscope
