// The matrices of a short convolution, multiplied out in double: exact for every window and number of taps that a plan takes.
#include "core/short_convolution.h"

#include <cmath>
#include <cstdio>
#include <random>
#include <stdexcept>
#include <string>

using namespace convscope;

namespace {

int failures = 0, checks = 0;

void expect(bool holds, const std::string& what) {
    ++checks;
    if (holds) return;
    ++failures;
    std::printf("FAILED %s\n", what.c_str());
}

using Values = std::vector<double>;

Values times(const HalfMatrix& matrix, const Values& vector) {
    Values result(static_cast<std::size_t>(matrix.rows));
    for (index i = 0; i < matrix.rows; ++i)
        for (index j = 0; j < matrix.columns; ++j) result[i] += matrix.values[i * matrix.columns + j] * vector[j];
    return result;
}

Values combined(const std::vector<Combination>& combinations, const Values& from) {
    Values result;
    for (const Combination& item : combinations)
        result.push_back(from.at(item.first) + (item.second < 0 ? 0.0 : static_cast<double>(item.sign) * from.at(item.second)));
    return result;
}

// C ((G w) . (A x)), in the steps that core/short_convolution.h describes.
Values multiplied_out(const ShortConvolution& plan, const Values& x, const Values& w) {
    Values sums;
    for (index parity : {0, 1}) {
        Values inputs;
        for (index j = parity; j < plan.inputs; j += 2) inputs.push_back(x[j]);
        const Values of_parity = times(plan.sums_of[parity], inputs);
        sums.insert(sums.end(), of_parity.begin(), of_parity.end());
    }
    Values products = combined(plan.inputs_from_sums, sums);
    const Values weights = times(plan.tap_matrix, w);
    for (index r = 0; r < plan.products; ++r) products[r] *= weights[r];
    Values y(static_cast<std::size_t>(plan.outputs));
    for (index parity : {0, 1}) {
        const Values of_parity = times(plan.outputs_from[parity], combined(plan.combinations_for[parity], products));
        for (index i = 0; i < plan.outputs_from[parity].rows; ++i) y[2 * i + parity] = of_parity[i];
    }
    return y;
}

void check_shapes(const ShortConvolution& plan, index window, index taps, const std::string& what) {
    expect(plan.inputs == window && plan.taps == taps && plan.outputs == window - taps + 1, what + ": inputs, taps or outputs");
    expect(2 * plan.products == 3 * window - 4, what + ": products " + std::to_string(plan.products));
    expect(plan.tap_matrix.rows == plan.products && plan.tap_matrix.columns == taps, what + ": tap matrix");
    expect(static_cast<index>(plan.inputs_from_sums.size()) == plan.products, what + ": combinations of sums");
    expect(plan.sums_of[0].rows == plan.sums_of[1].rows, what + ": as many sums of either parity");
    expect(plan.outputs_from[0].rows + plan.outputs_from[1].rows == plan.outputs, what + ": rows of outputs");
    for (index parity : {0, 1}) {
        const HalfMatrix& outputs = plan.outputs_from[parity];
        expect(outputs.columns == static_cast<index>(plan.combinations_for[parity].size()), what + ": columns of outputs");
        expect(static_cast<index>(outputs.values.size()) == outputs.rows * outputs.columns, what + ": values of outputs");
    }
    // What a plan's scratch has room for (SpectralPlan::scratch_floats).
    expect(plan.sums_of[0].rows + plan.sums_of[1].rows <= plan.products + 4, what + ": more sums than products");
    expect(static_cast<index>(plan.combinations_for[0].size() + plan.combinations_for[1].size()) <= plan.products + 4,
           what + ": more combinations than products");
}

void check_refusal(index window, index taps) {
    const std::string what = "window " + std::to_string(window) + " with " + std::to_string(taps) + " taps";
    try {
        short_convolution(window, taps);
        expect(false, "accepted a " + what);
    } catch (const std::invalid_argument& error) {
        expect(std::string(error.what()).find("expected an even window") != std::string::npos, what + " says what it expected");
    }
}

}  // namespace

int main() {
    std::mt19937 bits(3);
    std::uniform_real_distribution<double> uniform(-1, 1);
    const auto random_values = [&](index count) {
        Values values;
        for (index i = 0; i < count; ++i) values.push_back(uniform(bits));
        return values;
    };

    double worst = 0;
    const auto check_exactness = [&](index window, index taps) {
        const std::string what = "window " + std::to_string(window) + ", " + std::to_string(taps) + " taps";
        const ShortConvolution plan = short_convolution(window, taps);
        check_shapes(plan, window, taps, what);
        const Values x = random_values(window), w = random_values(taps), y = multiplied_out(plan, x, w);
        double error = 0;
        for (index i = 0; i < plan.outputs; ++i) {
            double direct = 0;
            for (index d = 0; d < taps; ++d) direct += x[i + d] * w[d];
            error = std::max(error, std::abs(y[i] - direct));
        }
        worst = std::max(worst, error);
        expect(error <= 1e-12, what + ": off by " + std::to_string(error));
    };
    for (index window = 4; window <= 72; window += 2)
        for (index taps = 1; taps <= window; ++taps) check_exactness(window, taps);
    for (index window : {96, 98, 120, 122, 1000})
        for (index taps : {1, 7, 25, 95}) check_exactness(window, taps);
    for (index window : {-4, 0, 2, 3, 5, 71}) check_refusal(window, 1);
    check_refusal(6, 7);
    check_refusal(6, 8);
    std::printf("largest error %.1e; %d passed, %d failed\n", worst, checks - failures, failures);
    return failures == 0 ? 0 : 1;
}
