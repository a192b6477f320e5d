// Counted expectations and random numbers.
#pragma once

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "core/ops/conv_block.h"

namespace convscope {

inline int failures = 0, checks = 0;

inline void expect(bool holds, const std::string& what) {
    ++checks;
    if (holds) return;
    ++failures;
    std::printf("FAILED %s\n", what.c_str());
}

// The exit status.
inline int report() {
    std::printf("%d passed, %d failed\n", checks - failures, failures);
    return failures == 0 ? 0 : 1;
}

using Values = std::vector<double>;
using Floats = std::vector<float>;

inline Floats random_values(index count) {
    static std::mt19937 random_bits(3);
    std::uniform_real_distribution<float> uniform(-1, 1);
    Floats values(static_cast<std::size_t>(count));
    for (float& value : values) value = uniform(random_bits);
    return values;
}

inline constexpr float nothing = std::numeric_limits<float>::quiet_NaN();  // where nobody may write, or whence nobody may read

struct Error {
    double of = 0, norm = 0;
    void add(const Values& got, const Values& wanted) {
        for (std::size_t i = 0; i < got.size(); ++i)
            of += (got[i] - wanted[i]) * (got[i] - wanted[i]), norm += wanted[i] * wanted[i];
    }
    double relative() const { return std::sqrt(of / norm); }
};

}  // namespace convscope
