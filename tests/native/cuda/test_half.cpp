// Conversion to and from half numbers, for all of them and for what lies between two.
#include "cuda/half.h"

#include <cmath>
#include <limits>
#include <string>

#include "../checks.h"

namespace convscope::cuda {
namespace {

constexpr Half infinity = 0x7C00;

void check_all_halves() {
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto half = static_cast<Half>(bits);
        const float x = to_float(half);
        const std::string what = "half " + std::to_string(bits);
        if ((half & 0x7FFF) > infinity) {
            expect(std::isnan(x) && std::isnan(to_float(to_half(x))), what + " is no number");
            continue;
        }
        const int exponent = (half >> 10 & 31), fraction = half & 1023;
        double wanted = exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
        if (exponent == 31) wanted = std::numeric_limits<double>::infinity();
        expect(x == (bits >= 0x8000 ? -wanted : wanted), what + " to float");
        expect(to_half(x) == half, what + " and back");
    }
}

// The middle between two neighbours goes to the even one, what is next to it to the nearer one.
void check_rounding() {
    for (Half half = 0; half < infinity; ++half) {
        const float below = to_float(half);
        const float above = half + 1 == infinity ? 65536.0f : to_float(static_cast<Half>(half + 1));
        const float middle = (below + above) / 2;
        const auto next = static_cast<Half>(half + 1);
        const std::string what = "between half " + std::to_string(half) + " and the next";
        expect(to_half(middle) == (half % 2 == 0 ? half : next), what + ": the middle");
        expect(to_half(std::nextafter(middle, 0.0f)) == half, what + ": just below the middle");
        expect(to_half(std::nextafter(middle, 1e9f)) == next, what + ": just above the middle");
        expect(to_half(-middle) == (to_half(middle) | 0x8000), what + ": the sign");
    }
    expect(to_half(3e38f) == infinity && to_half(std::numeric_limits<float>::infinity()) == infinity, "beyond the largest");
    expect(to_half(1e-30f) == 0 && to_half(-1e-30f) == 0x8000, "below the smallest");
}

}  // namespace
}  // namespace convscope::cuda

int main() {
    convscope::cuda::check_all_halves();
    convscope::cuda::check_rounding();
    return convscope::report();
}
