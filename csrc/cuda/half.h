// IEEE half precision on the host: 11 significant bits, largest number 65504, normal from 2^-14.
#pragma once

#include <bit>
#include <cstdint>

namespace convscope::cuda {

using Half = std::uint16_t;  // its bits

constexpr double largest_half = 65504.0;

// The nearest half, ties to even; infinity beyond the largest.
constexpr Half to_half(float x) {
    const auto bits = std::bit_cast<std::uint32_t>(x);
    const Half sign = static_cast<Half>(bits >> 16 & 0x8000u);
    const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
    if (magnitude > 0x7F800000u) return sign | 0x7E00u;   // NaN
    if (magnitude >= 0x477FF000u) return sign | 0x7C00u;  // 65520 and more
    const auto shifted = [&](std::uint32_t value, std::uint32_t by) {
        const std::uint32_t half_way = (1u << (by - 1)) - 1 + (value >> by & 1u);
        return static_cast<Half>((value + half_way) >> by);
    };
    constexpr std::uint32_t smallest_normal = 0x38800000u, bias_difference = 112u << 23;
    if (magnitude >= smallest_normal) return sign | shifted(magnitude - bias_difference, 13);
    const std::uint32_t exponent = magnitude >> 23;
    if (exponent < 102) return sign;  // at most 2^-25, which rounds to even
    return sign | shifted((magnitude & 0x7FFFFFu) | 0x800000u, 126 - exponent);
}

constexpr float to_float(Half half) {
    const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16, magnitude = half & 0x7FFFu;
    if (magnitude >= 0x7C00u) return std::bit_cast<float>(sign | 0x7F800000u | (magnitude & 0x3FFu) << 13);
    if (magnitude >= 0x400u) return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
    const float small = static_cast<float>(magnitude) * 0x1p-24f;
    return sign != 0 ? -small : small;
}

}  // namespace convscope::cuda
