#include "core/short_convolution.h"

#include <cmath>
#include <numbers>

#include "core/error.h"

namespace convscope {
namespace {

// cos and sin of a whole fraction of a turn, exact where they are 0 or 1.
double cosine(index numerator, index denominator) {
    const index eighths = 8 * (numerator % denominator);
    if (eighths == 2 * denominator || eighths == 6 * denominator) return 0.0;
    return std::cos(2.0 * std::numbers::pi * static_cast<double>(numerator % denominator) / static_cast<double>(denominator));
}
double sine(index numerator, index denominator) { return cosine(4 * numerator + 3 * denominator, 4 * denominator); }

class Builder {
  public:
    Builder(index window, index taps) : circle_(window - 2) {
        result_.inputs = window;
        result_.taps = taps;
        result_.outputs = window - taps + 1;
        for (index parity : {0, 1}) {
            result_.sums_of[parity].columns = window / 2;
            result_.outputs_from[parity].rows = (result_.outputs + 1 - parity) / 2;
        }
        result_.tap_matrix.columns = taps;
    }

    ShortConvolution build() {
        const double each = 1.0 / static_cast<double>(circle_);
        const auto one = [](index) { return 1.0; };
        add_point_pair(one, [&](index) { return each; }, one);
        for (index k = 1; 4 * k < circle_; ++k) {
            const auto re = [this, k](index j) { return cosine(k * j, circle_); };
            const auto im = [this, k](index j) { return sine(k * j, circle_); };
            const auto both = [=](index j) { return re(j) + im(j); };
            // (xr wr + xi wi) re + (xi wr - xr wi) im from wr (xr + xi), (wi - wr) xi and -(wr + wi) xr
            add_point_pair(both, [=](index d) { return 2 * each * re(d); }, both);
            add_point_pair(im, [=](index d) { return 2 * each * (im(d) - re(d)); }, re);
            add_point_pair(re, [=](index d) { return -2 * each * both(d); }, im);
        }
        if (circle_ % 4 == 0) add_imaginary_unit(2 * each);
        add_ends();
        finish();
        return std::move(result_);
    }

  private:
    // What a root of unity's row of A says about input j: the inputs 1 .. N go round the circle.
    template <class Row>
    index add_sum(index parity, Row row) {
        HalfMatrix& sums = result_.sums_of[parity];
        for (index j = parity; j < result_.inputs; j += 2) sums.values.push_back(row(j));
        return sums.rows++;
    }
    template <class Row>
    auto on_circle(Row row) {
        return [this, row](index j) { return 1 <= j && j <= circle_ ? row(j) : 0.0; };
    }
    template <class Tap>
    index add_product(const Combination& inputs, Tap tap) {
        result_.inputs_from_sums.push_back(inputs);
        for (index d = 0; d < result_.taps; ++d) result_.tap_matrix.values.push_back(tap(d));
        return result_.products++;
    }
    template <class Row>
    void add_outputs(index parity, const Combination& products, Row row) {
        result_.combinations_for[parity].push_back(products);
        std::vector<double> column;
        for (index i = parity; i < result_.outputs; i += 2) column.push_back(row(i));
        output_columns_[parity].push_back(column);
    }

    // A point and its negative: there, every odd power changes its sign.
    template <class Input, class Tap, class Output>
    void add_point_pair(Input input, Tap tap, Output output) {
        const index even = add_sum(0, on_circle(input)), odd = pair_number(add_sum(1, on_circle(input)));
        const index plus = add_product({even, odd, 1.0f}, tap);
        const index minus = add_product({even, odd, -1.0f}, [&](index d) { return d % 2 == 0 ? tap(d) : -tap(d); });
        add_outputs(0, {plus, minus, 1.0f}, output);
        add_outputs(1, {plus, minus, -1.0f}, output);
    }

    // i is its own pair: its real parts are even, its imaginary parts odd.
    void add_imaginary_unit(double factor) {
        const auto re = [](index j) { return cosine(j, 4); };
        const auto im = [](index j) { return sine(j, 4); };
        const index even = add_sum(0, on_circle(re)), odd = pair_number(add_sum(1, on_circle(im)));
        const index both = add_product({even, odd, 1.0f}, [=](index d) { return factor * re(d); });
        const index imaginary = add_product({odd, -1, 0.0f}, [=](index d) { return factor * (im(d) - re(d)); });
        const index real = add_product({even, -1, 0.0f}, [=](index d) { return -factor * (re(d) + im(d)); });
        add_outputs(0, {both, imaginary, 1.0f}, re);
        add_outputs(1, {both, real, 1.0f}, im);
    }

    // Zero sees the first tap, infinity the last: they undo what goes round the circle at either end.
    void add_ends() {
        const index last_input = result_.inputs - 1, last_tap = result_.taps - 1, last_output = result_.outputs - 1;
        const index zero = add_sum(0, [&](index j) { return j == 0 ? 1.0 : j == circle_ ? -1.0 : 0.0; });
        const index infinity = pair_number(add_sum(1, [&](index j) { return j == last_input ? 1.0 : j == 1 ? -1.0 : 0.0; }));
        const index first = add_product({zero, -1, 0.0f}, [](index d) { return d == 0 ? 1.0 : 0.0; });
        add_outputs(0, {first, -1, 0.0f}, [](index i) { return i == 0 ? 1.0 : 0.0; });
        const index last = add_product({infinity, -1, 0.0f}, [&](index d) { return d == last_tap ? 1.0 : 0.0; });
        add_outputs(last_output % 2, {last, -1, 0.0f}, [&](index i) { return i == last_output ? 1.0 : 0.0; });
    }

    // Odd sums are numbered after the even ones, of which there are as many in the end.
    index pair_number(index odd) const { return -2 - odd; }

    void finish() {
        const index evens = result_.sums_of[0].rows;
        for (Combination& inputs : result_.inputs_from_sums)
            for (index* number : {&inputs.first, &inputs.second})
                if (*number < -1) *number = evens - 2 - *number;
        result_.tap_matrix.rows = result_.products;
        for (index parity : {0, 1}) {
            HalfMatrix& outputs = result_.outputs_from[parity];
            outputs.columns = static_cast<index>(output_columns_[parity].size());
            for (index i = 0; i < outputs.rows; ++i)
                for (const auto& column : output_columns_[parity]) outputs.values.push_back(column[i]);
        }
    }

    ShortConvolution result_;
    index circle_;
    std::vector<std::vector<double>> output_columns_[2];
};

}  // namespace

ShortConvolution short_convolution(index window, index taps) {
    require(window % 2 == 0 && window >= 4 && window >= taps, "window", "expected an even window of at least 4 and ", taps,
            " inputs, got ", window);
    return Builder(window, taps).build();
}

}  // namespace convscope
