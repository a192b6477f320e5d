#include "core/short_convolution.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

#include "core/error.h"

namespace convscope {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double extra_points[most_extra_points] = {0.0, infinity, 2.0, -0.5, -2.0, 0.5};

// Row by row and square: the rows are the points. A conjugate pair has two, its real and its imaginary part.
struct Evaluation {
    index size;
    std::vector<double> values;

    double* row(index i) { return values.data() + i * size; }
    const double* row(index i) const { return values.data() + i * size; }
};

// Powers 0 .. size - 1 of every point; of infinity, the leading coefficient.
Evaluation evaluate(const Window& window) {
    const index n = window.inputs();
    Evaluation points{n, std::vector<double>(static_cast<std::size_t>(n * n))};
    double* row = points.row(0);
    const auto root = [&](index k) {
        for (index j = 0; j < n; ++j) {
            const double turn = 2.0 * std::numbers::pi * static_cast<double>(k * j % window.circle) / static_cast<double>(window.circle);
            row[j] = std::cos(turn);
            if (2 * k % window.circle != 0) row[n + j] = std::sin(turn);
        }
        row += 2 * k % window.circle == 0 ? n : 2 * n;
    };
    for (index k = 0; 2 * k <= window.circle && window.circle > 0; ++k) root(k);
    for (index i = 0; i < window.extra; ++i, row += n)
        for (index j = 0; j < n; ++j)
            row[j] = extra_points[i] == infinity ? (j == n - 1 ? 1.0 : 0.0) : std::pow(extra_points[i], static_cast<double>(j));
    return points;
}

// The inverse by Gauss and Jordan with row exchanges; the points are distinct, so it exists.
Evaluation inverted(Evaluation matrix) {
    const index n = matrix.size;
    Evaluation inverse{n, std::vector<double>(static_cast<std::size_t>(n * n))};
    for (index i = 0; i < n; ++i) inverse.row(i)[i] = 1.0;
    for (index column = 0; column < n; ++column) {
        index pivot = column;
        for (index i = column + 1; i < n; ++i)
            if (std::abs(matrix.row(i)[column]) > std::abs(matrix.row(pivot)[column])) pivot = i;
        for (Evaluation* side : {&matrix, &inverse})
            for (index j = 0; j < n && pivot != column; ++j) std::swap(side->row(pivot)[j], side->row(column)[j]);
        const double divisor = matrix.row(column)[column];
        for (Evaluation* side : {&matrix, &inverse})
            for (index j = 0; j < n; ++j) side->row(column)[j] /= divisor;
        for (index i = 0; i < n; ++i) {
            const double factor = matrix.row(i)[column];
            if (i == column || factor == 0.0) continue;
            for (Evaluation* side : {&matrix, &inverse})
                for (index j = 0; j < n; ++j) side->row(i)[j] -= factor * side->row(column)[j];
        }
    }
    return inverse;
}

// The power of two nearest to the norm of a row: dividing by it loses no bit.
double scale_of(const double* row, index count) {
    double squares = 0.0;
    for (index j = 0; j < count; ++j) squares += row[j] * row[j];
    return squares == 0.0 ? 1.0 : std::exp2(std::round(std::log2(std::sqrt(squares))));
}

// Drops what is only the rounding of a zero, so that a product that no tap needs is seen to be one.
double cleaned(double value) { return std::abs(value) < 1e-13 ? 0.0 : value; }

}  // namespace

ShortConvolution short_convolution(const Window& window, index taps) {
    require(window.circle >= 0 && window.extra >= 0 && window.extra <= most_extra_points && window.inputs() >= taps, "window",
            "expected at least ", taps, " points, of them at most ", most_extra_points, " off the circle, got ", window.circle,
            " on it and ", window.extra, " off it");

    ShortConvolution result;
    const index n = result.inputs = window.inputs();
    result.taps = taps;
    const index m = result.outputs = n - taps + 1;
    result.products = window.products();

    // The transposed linear convolution of an output and a tap polynomial: x meets the inverse, the other two the powers.
    const Evaluation powers = evaluate(window), inverse = inverted(powers);
    std::vector<double> output_columns;  // (R, m)
    const auto add = [&](auto input, auto tap, auto output) {
        std::vector<double> a, g;
        for (index j = 0; j < n; ++j) a.push_back(cleaned(input(j)));
        for (index d = 0; d < taps; ++d) g.push_back(cleaned(tap(d)));
        const double a_scale = scale_of(a.data(), n), g_scale = scale_of(g.data(), taps);
        for (double value : a) result.input_matrix.push_back(value / a_scale);
        for (double value : g) result.tap_matrix.push_back(value / g_scale);
        for (index i = 0; i < m; ++i) output_columns.push_back(cleaned(output(i)) * a_scale * g_scale);
    };
    const bool has_minus_one = window.circle % 2 == 0;
    for (index row = 0; row < n;) {
        const double* here = powers.row(row);
        const auto x = [&](index part) { return [&, part](index j) { return inverse.row(j)[row + part]; }; };
        const bool real = row >= window.circle || row == 0 || (has_minus_one && row == window.circle - 1);
        if (real) {
            // Of infinity every polynomial has its own leading coefficient.
            const bool leading = row >= window.circle && extra_points[row - window.circle] == infinity;
            const auto power = [&](index of) {
                return [&, of](index j) { return leading ? (j == of - 1 ? 1.0 : 0.0) : here[j]; };
            };
            add(x(0), power(taps), power(m));
            row += 1;
            continue;
        }
        // (xr wr + xi wi, xi wr - xr wi) from three products: wr (xr + xi), (wi - wr) xi and -(wr + wi) xr.
        const double* imaginary = here + n;
        add([&](index j) { return x(0)(j) + x(1)(j); }, [&](index d) { return here[d]; },
            [&](index i) { return here[i] + imaginary[i]; });
        add(x(1), [&](index d) { return imaginary[d] - here[d]; }, [&](index i) { return here[i]; });
        add(x(0), [&](index d) { return -(here[d] + imaginary[d]); }, [&](index i) { return imaginary[i]; });
        row += 2;
    }
    result.output_matrix.resize(static_cast<std::size_t>(m * result.products));
    for (index r = 0; r < result.products; ++r)
        for (index i = 0; i < m; ++i) result.output_matrix[i * result.products + r] = output_columns[r * m + i];
    return result;
}

}  // namespace convscope
