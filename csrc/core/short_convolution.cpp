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
    Builder(index window, index taps, PairProducts pairs) : circle_(window - 2) {
        result_.pairs = pairs;
        result_.inputs = window;
        result_.taps = taps;
        result_.outputs = window - taps + 1;
        result_.quarter = circle_ / 4;
        result_.fours = result_.quarter / 2;
    }

    ShortConvolution build() {
        const index quarter = result_.quarter;
        add_real_point(0);
        add_real_point(2 * quarter);
        add_conjugate_pair(quarter);
        for (index k = 1; 2 * k < quarter; ++k)
            for (index turn = 0; turn < 4; ++turn) add_conjugate_pair(k + turn * quarter);
        // These four are two conjugate pairs.
        if (quarter % 2 == 0)
            for (index turn = 0; turn < 2; ++turn) add_conjugate_pair(quarter / 2 + turn * quarter);
        add_product([](index d) { return d == 0 ? 1.0 : 0.0; });
        add_product([this](index d) { return d == result_.taps - 1 ? 1.0 : 0.0; });
        result_.forms = forms_;
        describe_transforms();
        return std::move(result_);
    }

  private:
    template <class Tap>
    index add_tap_row(Tap tap) {
        const index row = static_cast<index>(result_.tap_matrix.size()) / result_.taps;
        for (index d = 0; d < result_.taps; ++d) result_.tap_matrix.push_back(tap(d));
        return row;
    }

    // Of the next form, at the point of the last product or at the next one.
    template <class Tap>
    void add_product(Tap tap, bool is_same_point = false, bool is_difference = false) {
        points_ += is_same_point ? 0 : 1;
        result_.products.push_back({points_ - 1, forms_++, add_tap_row(tap), 1, is_difference});
    }

    void add_real_point(index k) {
        add_product([=, this](index d) { return cosine(k * d, circle_) / static_cast<double>(circle_); });
    }

    // With four products, as they are. With three, where p = (wr - wi) / 2 and q = -(wr + wi) / 2 for weights wr + i wi, and the
    // products a = p xi, b = q xr and c = (p - q) (xr + xi):
    //     xr wr + xi wi = c - 2 a
    //     xi wr - xr wi = c + 2 b
    void add_conjugate_pair(index k) {
        const double each = 1.0 / static_cast<double>(circle_);
        const auto re = [=, this](index d) { return cosine(k * d, circle_); };
        const auto im = [=, this](index d) { return sine(k * d, circle_); };
        if (result_.pairs == PairProducts::four) {
            const index row = add_tap_row([=](index d) { return 2 * each * re(d); });
            add_tap_row([=](index d) { return 2 * each * im(d); });
            for (index first : {0, 1}) result_.products.push_back({points_, forms_ + first, row, 2, false});
            points_ += 1;
            forms_ += 3;
            return;
        }
        add_product([=](index d) { return each * (re(d) - im(d)); });
        add_product([=](index d) { return -each * (re(d) + im(d)); }, true);
        add_product([=](index d) { return 2 * each * re(d); }, true, true);
    }

    void describe_transforms() {
        const index quarter = result_.quarter, fours = result_.fours;
        for (index residue = 0; residue < 4; ++residue) {
            std::vector<float>& in = result_.input_rows[residue];
            std::vector<float>& out = result_.output_rows[residue];
            const auto add_row = [&](auto value) {
                for (index t = 0; t < quarter; ++t) in.push_back(static_cast<float>(value(first_position(residue) + 4 * t)));
            };
            add_row([](index) { return 1.0; });
            for (index k = 1; k <= fours; ++k) {
                add_row([=, this](index j) { return cosine(k * j, circle_); });
                add_row([=, this](index j) { return sine(k * j, circle_); });
            }
            for (index i = residue; i < result_.outputs; i += 4) {
                out.push_back(1.0f);
                for (index k = 1; k <= fours; ++k) {
                    out.push_back(static_cast<float>(cosine(k * i, circle_)));
                    out.push_back(static_cast<float>(sine(k * i, circle_)));
                }
            }
        }
    }

    // Of a residue, on the circle: the inputs 1 ... N.
    static index first_position(index residue) { return residue == 0 ? 4 : residue; }

    ShortConvolution result_;
    index circle_, points_ = 0, forms_ = 0;
};

}  // namespace

Transforms ShortConvolution::transforms() const {
    const index product_count = static_cast<index>(products.size());
    Transforms result{pairs, inputs, forms, product_count, outputs, quarter, fours, 4 * (1 + 2 * fours), {}, {}};
    for (index residue = 0; residue < 4; ++residue) {
        result.input_rows[residue] = input_rows[residue].data();
        result.output_rows[residue] = output_rows[residue].data();
    }
    return result;
}

ShortConvolution short_convolution(index window, index taps, PairProducts pairs) {
    require(window % 4 == 2 && window >= 6 && window >= taps, "window",
            "expected 2 more than a multiple of four, at least 6 and ", taps, " inputs, got ", window);
    return Builder(window, taps, pairs).build();
}

}  // namespace convscope
