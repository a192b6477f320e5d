// The short convolution against its definition. Its products and matrices are written down here once more, from what
// core/short_convolution.h and cpu/kernels.h say of them, dense and in double: with them the tap matrix must be exact. The
// transforms of every instruction set here must be those matrices, and with the products between them a correlation.
#include "core/short_convolution.h"

#include <cmath>
#include <cstdio>
#include <numbers>
#include <stdexcept>
#include <string>

#include "checks.h"

namespace convscope {
namespace {

const char* name(PairProducts pairs) { return pairs == PairProducts::three ? "three products" : "four products"; }

// A (F, n), and C (n, R) for as many outputs as a window has inputs, without the products of zero and infinity, whose only
// outputs are the first and the last.
struct Definition {
    PairProducts pairs;
    index inputs, forms = 0, products = 0, all_products;
    Values in, out;

    Definition(index window, PairProducts pairs)
        : pairs(pairs),
          inputs(window),
          all_products(pairs == PairProducts::three ? 3 * window / 2 - 2 : window),
          out(window * all_products) {
        const index circle = window - 2, quarter = circle / 4;
        add_real_point(1);
        add_real_point(-1);
        add_pair(quarter);
        for (index k = 1; 2 * k <= quarter; ++k)
            for (index turn = 0; turn < (2 * k == quarter ? 2 : 4); ++turn) add_pair(k + turn * quarter);
        add_inputs([=](index j) { return j == 0 ? 1.0 : j == window - 2 ? -1.0 : 0.0; });
        add_inputs([=](index j) { return j == window - 1 ? 1.0 : j == 1 ? -1.0 : 0.0; });
    }

    Values transform_inputs(const Values& x) const {
        Values result(forms);
        for (index f = 0; f < forms; ++f)
            for (index j = 0; j < inputs; ++j) result[f] += in[f * inputs + j] * x[j];
        return result;
    }

    Values transform_products(const Values& v, index outputs) const {
        Values result(outputs);
        for (index i = 0; i < outputs; ++i)
            for (index r = 0; r < products; ++r) result[i] += out[i * all_products + r] * v[r];
        result.front() += v[products];
        result.back() += v[products + 1];
        return result;
    }

  private:
    template <class Of>
    void add_inputs(Of of) {
        for (index j = 0; j < inputs; ++j) in.push_back(of(j));
        ++forms;
    }
    // The inputs 1 ... N lie on the circle.
    template <class In>
    void add_form(In of_input) {
        add_inputs([&](index j) { return j >= 1 && j <= inputs - 2 ? of_input(j) : 0.0; });
    }
    template <class Out>
    void add_product(Out of_output) {
        for (index i = 0; i < inputs; ++i) out[i * all_products + products] = of_output(i);
        ++products;
    }
    void add_real_point(int point) {
        const auto power = [=](index j) { return j % 2 == 0 ? 1.0 : static_cast<double>(point); };
        add_form(power);
        add_product(power);
    }
    // Three products a, b and c are of xi, xr and xr + xi; the outputs take the real part c - 2 a and the imaginary part
    // c + 2 b. Four, of xr, xi and -xr, are those parts.
    void add_pair(index k) {
        const index circle = inputs - 2;
        const auto angle = [=](index j) {
            return 2 * std::numbers::pi * static_cast<double>(k * j % circle) / static_cast<double>(circle);
        };
        const auto re = [=](index j) { return std::cos(angle(j)); };
        const auto im = [=](index j) { return std::sin(angle(j)); };
        if (pairs == PairProducts::four) {
            add_form(re);
            add_form(im);
            add_form([=](index j) { return -re(j); });
            add_product(re);
            add_product(im);
            return;
        }
        add_form(im);
        add_form(re);
        add_form([=](index j) { return re(j) + im(j); });
        add_product([=](index i) { return -2 * re(i); });
        add_product([=](index i) { return 2 * im(i); });
        add_product([=](index i) { return re(i) + im(i); });
    }
};

Values transformed_weights(const ShortConvolution& plan, const Values& w) {
    Values result(plan.tap_matrix.size() / plan.taps);
    for (std::size_t row = 0; row < result.size(); ++row)
        for (index d = 0; d < plan.taps; ++d) result[row] += plan.tap_matrix[row * plan.taps + d] * w[d];
    return result;
}

Values multiplied(const ShortConvolution& plan, const Values& forms, const Values& weights) {
    Values result;
    for (const ShortConvolution::Product& product : plan.products) {
        result.push_back(0);
        for (index i = 0; i < product.parts; ++i) result.back() += forms[product.form + i] * weights[product.tap_row + i];
    }
    return result;
}

Values correlation(const Values& x, const Values& w) {
    Values y(x.size() - w.size() + 1);
    for (std::size_t i = 0; i < y.size(); ++i)
        for (std::size_t d = 0; d < w.size(); ++d) y[i] += x[i + d] * w[d];
    return y;
}

std::string text(index window, index taps) { return "window " + std::to_string(window) + ", " + std::to_string(taps) + " taps"; }
std::string text(const ShortConvolution& plan) { return text(plan.inputs, plan.taps) + ", " + name(plan.pairs); }

void check_shapes(const ShortConvolution& plan, index window, index taps) {
    const std::string what = text(plan);
    const bool are_three = plan.pairs == PairProducts::three;
    const index products = static_cast<index>(plan.products.size());
    expect(plan.inputs == window && plan.taps == taps && plan.outputs == window - taps + 1, what + ": inputs, taps or outputs");
    expect(2 * plan.forms == 3 * window - 4, what + ": forms " + std::to_string(plan.forms));
    expect(products == (are_three ? plan.forms : window), what + ": products " + std::to_string(products));
    expect(static_cast<index>(plan.tap_matrix.size()) == products * taps, what + ": tap matrix");
    expect(4 * plan.quarter == window - 2 && plan.fours == plan.quarter / 2, what + ": quarter or fours");
    const index rows = 1 + 2 * plan.fours;
    index outputs = 0;
    for (index residue = 0; residue < 4; ++residue) {
        expect(static_cast<index>(plan.input_rows[residue].size()) == rows * plan.quarter, what + ": input rows");
        outputs += static_cast<index>(plan.output_rows[residue].size()) / rows;
    }
    expect(outputs == plan.outputs, what + ": output rows");
    const Transforms transforms = plan.transforms();
    expect(transforms.inputs == plan.inputs && transforms.outputs == plan.outputs && transforms.products == products &&
               transforms.forms == plan.forms && transforms.pairs == plan.pairs && transforms.quarter == plan.quarter &&
               transforms.fours == plan.fours && transforms.sums == 4 * rows,
           what + ": transforms");
}

// Of three products of a pair the third and no other; of four sums none, but two of them share their weights. In either case
// as many weights are stored as there are inputs.
void check_stored_weights(const ShortConvolution& plan) {
    const std::string what = text(plan);
    const index products = static_cast<index>(plan.products.size());
    index stored = 0, last_row = -1;
    for (index r = 0; r < products; ++r) {
        const ShortConvolution::Product& product = plan.products[r];
        const bool is_of_pair = r >= 2 && r < products - 2, are_three = plan.pairs == PairProducts::three;
        const index after_first = is_of_pair ? (r - 2) % (are_three ? 3 : 2) : 0;
        expect(product.is_difference == (are_three && after_first == 2), what + ": flag of product " + std::to_string(r));
        expect(product.parts == (is_of_pair && !are_three ? 2 : 1), what + ": parts of product " + std::to_string(r));
        expect(r == 0 || product.point == plan.products[r - 1].point + (after_first == 0 ? 1 : 0),
               what + ": point of product " + std::to_string(r));
        if (!product.is_difference && product.tap_row != last_row) stored += product.parts;
        last_row = product.tap_row;
        const double* row = plan.tap_matrix.data() + product.tap_row * plan.taps;
        for (index d = 0; d < plan.taps && product.is_difference; ++d)
            expect(std::abs(row[d] - (row[d - 2 * plan.taps] - row[d - plan.taps])) <= 1e-15,
                   what + ": product " + std::to_string(r) + " is no difference at tap " + std::to_string(d));
    }
    expect(stored == plan.inputs, what + ": stored weights " + std::to_string(stored));
}

double check_exactness(const Definition& definition, const ShortConvolution& plan) {
    const Floats floats = random_values(plan.inputs + plan.taps);
    const Values x(floats.begin(), floats.begin() + plan.inputs), w(floats.begin() + plan.inputs, floats.end());
    const Values wanted = correlation(x, w);
    const Values products = multiplied(plan, definition.transform_inputs(x), transformed_weights(plan, w));
    const Values y = definition.transform_products(products, plan.outputs);
    double error = 0;
    for (index i = 0; i < plan.outputs; ++i) error = std::max(error, std::abs(y[i] - wanted[i]));
    expect(error <= 1e-12, text(plan) + ": off by " + std::to_string(error));
    return error;
}

// Rows of a panel with room beside them, where nothing is to be read or written.
struct Panel {
    index columns, stride;
    float empty;
    Floats values;

    Panel(index rows, index width, index beside, float fill = nothing)
        : columns(width), stride(width + beside), empty(fill), values(rows * stride, fill) {}
    float* row(index i) { return values.data() + i * stride; }
    Values column(index c, index rows) const {
        Values result;
        for (index i = 0; i < rows; ++i) result.push_back(values[i * stride + c]);
        return result;
    }
    void fill_rows() {
        for (index i = 0; i < static_cast<index>(values.size()) / stride; ++i) {
            const Floats random = random_values(columns);
            std::copy(random.begin(), random.end(), row(i));
        }
    }
    bool is_untouched_beside_and_from(index row) const {
        for (index at = 0; at < static_cast<index>(values.size()); ++at)
            if ((at % stride >= columns || at / stride >= row) &&
                std::bit_cast<std::uint32_t>(values[at]) != std::bit_cast<std::uint32_t>(empty))
                return false;
        return true;
    }
};

struct Largest {
    double inputs = 0, products = 0, whole = 0;
};

// One window of each transform, and the products between them.
class KernelCheck {
  public:
    KernelCheck(const Definition& definition, const ShortConvolution& plan, const Kernels& kernels)
        : definition_(definition),
          plan_(plan),
          kernels_(kernels),
          what_(std::string(name(kernels.isa)) + " " + text(plan)),
          transforms_(plan.transforms()),
          width_(kernels.tile_columns),
          scratch_(transforms_.sums * width_) {}

    void run(index beside, bool has_first, bool has_last, Largest& largest) {
        Panel x(plan_.inputs, width_, beside), transformed(plan_.forms, width_, beside);
        x.fill_rows();
        kernels_.transform_inputs(transforms_, x.values.data(), x.stride, scratch_.data(), transformed.values.data(),
                                  transformed.stride);
        expect(transformed.is_untouched_beside_and_from(plan_.forms), what_ + ": forms beside the panel");

        const index product_count = transforms_.products;
        Panel products(product_count, width_, 0);
        Error of_inputs, of_products, of_whole;
        std::vector<Values> wanted, wanted_of_products;
        for (index c = 0; c < width_; ++c) {
            const Values inputs = x.column(c, plan_.inputs), found = transformed.column(c, plan_.forms);
            of_inputs.add(found, definition_.transform_inputs(inputs));
            const Floats random = random_values(plan_.taps);
            Values w(random.begin(), random.end());
            if (!has_first) w.front() = 0;
            if (!has_last) w.back() = 0;
            const Values v = multiplied(plan_, found, transformed_weights(plan_, w));
            for (index r = 0; r < product_count; ++r) products.row(r)[c] = static_cast<float>(v[r]);
            wanted.push_back(correlation(inputs, w));
            wanted_of_products.push_back(definition_.transform_products(products.column(c, product_count), plan_.outputs));
        }
        const Panel y = outputs(products, has_first, has_last, plan_.outputs);
        for (index c = 0; c < width_; ++c) {
            of_products.add(y.column(c, plan_.outputs), wanted_of_products[c]);
            of_whole.add(y.column(c, plan_.outputs), wanted[c]);
        }
        check_error(of_inputs, 1e-6, "inputs", largest.inputs);
        check_error(of_products, 1e-6, "products", largest.products);
        check_error(of_whole, 1e-6, "all of it", largest.whole);
        check_fewer_rows(products, has_first, has_last, y);
    }

  private:
    // Rows past those asked for must stay as they were; the products of absent ends must not be read.
    Panel outputs(const Panel& all_products, bool has_first, bool has_last, index rows) {
        Panel products = all_products, first = products, y(plan_.outputs, width_, 0, 777.0f);  // NaN would hide what is added
        const float* ends[2] = {nullptr, nullptr};
        const index places[2] = {transforms_.products - 2, transforms_.products - 1};
        for (int end = 0; end < 2; ++end) {
            if (end == 0 ? has_first : has_last) ends[end] = first.row(places[end]);
            std::fill_n(products.row(places[end]), width_, nothing);
        }
        kernels_.transform_products(transforms_, products.values.data(), ends, rows, scratch_.data(), y.values.data());
        expect(y.is_untouched_beside_and_from(rows), what_ + ": outputs past the first " + std::to_string(rows));
        return y;
    }

    void check_fewer_rows(const Panel& products, bool has_first, bool has_last, const Panel& whole) {
        for (index rows = 1; rows < plan_.outputs; rows += plan_.outputs < 40 ? 1 : 7) {
            const Panel y = outputs(products, has_first, has_last, rows);
            expect(std::equal(y.values.begin(), y.values.begin() + rows * width_, whole.values.begin()),
                   what_ + ": other bits of the first " + std::to_string(rows) + " rows");
        }
    }

    void check_error(const Error& error, double limit, const char* part, double& largest) {
        if (error.norm == 0) return expect(error.of == 0, what_ + ": " + part + " of nothing but zeros");
        largest = std::max(largest, error.relative());
        expect(error.relative() <= limit, what_ + ": " + part + " off by " + std::to_string(error.relative() * 1e6) + "e-6");
    }

    const Definition& definition_;
    const ShortConvolution& plan_;
    const Kernels& kernels_;
    std::string what_;
    Transforms transforms_;
    index width_;
    Floats scratch_;
};

void check_window(index window, const std::vector<index>& all_taps, PairProducts pairs, double& worst,
                  std::vector<Largest>& largest) {
    const Definition definition(window, pairs);
    for (index taps : all_taps) {
        const ShortConvolution plan = short_convolution(window, taps, pairs);
        check_shapes(plan, window, taps);
        check_stored_weights(plan);
        worst = std::max(worst, check_exactness(definition, plan));
        std::size_t number = 0;
        for (Isa isa : available_isas()) {
            KernelCheck check(definition, plan, kernels(isa));
            for (const bool has_first : {true, false})
                for (const bool has_last : {true, false})
                    check.run(has_first == has_last ? 0 : 5, has_first, has_last, largest[number]);
            ++number;
        }
    }
}

void check_refusal(index window, index taps) {
    const std::string what = text(window, taps);
    try {
        short_convolution(window, taps);
        expect(false, "accepted a " + what);
    } catch (const std::invalid_argument& error) {
        const std::string wanted = "expected 2 more than a multiple of four, at least 6 and " + std::to_string(taps) +
                                   " inputs, got " + std::to_string(window);
        expect(std::string(error.what()).find(wanted) != std::string::npos, what + " says what it expected");
    }
}

void check_everything() {
    double worst = 0;
    std::vector<Largest> largest(available_isas().size());
    const auto up_to = [](index last) {
        std::vector<index> all;
        for (index taps = 1; taps <= last; ++taps) all.push_back(taps);
        return all;
    };
    for (PairProducts pairs : {PairProducts::three, PairProducts::four}) {
        const auto check = [&](index window, const std::vector<index>& taps) {
            check_window(window, taps, pairs, worst, largest);
        };
        for (index window = 6; window <= 38; window += 4) check(window, up_to(window));
        for (index window = 42; window <= 74; window += 4) check(window, {1, 2, 3, 4, 7, 8, 25, window / 2, window - 1, window});
        for (index window : {98, 102, 122, 126, 202}) check(window, {1, 7, 25, 95});
    }
    for (index window : {-6, -2, -1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 13, 20, 64, 71, 1000}) check_refusal(window, 1);
    for (index taps : {7, 8, 10, 11}) check_refusal(6, taps);
    check_refusal(70, 71);

    std::printf("largest error in double %.1e\n", worst);
    for (std::size_t i = 0; i < largest.size(); ++i)
        std::printf("%s: inputs %.1e, products %.1e, all of it %.1e\n", name(available_isas()[i]), largest[i].inputs,
                    largest[i].products, largest[i].whole);
}

}  // namespace
}  // namespace convscope

int main() {
    convscope::check_everything();
    return convscope::report();
}
