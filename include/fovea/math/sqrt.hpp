// A square root for tables: evaluated at compile time, correctly rounded, so that constants equal the
// reference's.
#pragma once

#include <cstdint>
#include <limits>

namespace fovea {

namespace detail {

// floor(sqrt(radicand)) with the lowest bit set when the root is inexact ("sticky"), digit by digit.
constexpr std::uint64_t sticky_integer_sqrt(std::uint64_t high, int zero_pairs) noexcept {
    // The radicand is high followed by zero_pairs pairs of zero bits; two of its bits enter in each step.
    std::uint64_t root = 0, remainder = 0;
    for (int pair = 31 + zero_pairs; pair >= 0; --pair) {
        const std::uint64_t next = pair >= zero_pairs ? (high >> (2 * (pair - zero_pairs))) & 3U : 0;
        remainder = (remainder << 2) | next;
        const std::uint64_t trial = (root << 2) | 1U;
        root <<= 1;
        if (remainder >= trial) {
            remainder -= trial;
            root |= 1U;
        }
    }
    return remainder != 0 ? root | 1U : root;
}

} // namespace detail

// Square root to the nearest double, ties to even, as std::sqrt gives it. NaN for negative numbers and NaN.
constexpr double constexpr_sqrt(double x) noexcept {
    if (!(x >= 0))
        return std::numeric_limits<double>::quiet_NaN();
    if (x == 0 || x > std::numeric_limits<double>::max())
        return x;
    // x = mantissa * 4^exponent with mantissa in [2^52, 2^54): both scalings are exact.
    int exponent = 0;
    while (x < 0x1p52) {
        const bool far = x < 0x1p-12;
        x *= far ? 0x1p64 : 4.0;
        exponent -= far ? 32 : 1;
    }
    while (x >= 0x1p54) {
        const bool far = x >= 0x1p118;
        x *= far ? 0x1p-64 : 0.25;
        exponent += far ? 32 : 1;
    }
    // 28 pairs of zeros give a root of 55 or more bits, and the conversion to double rounds it once.
    double root = static_cast<double>(detail::sticky_integer_sqrt(static_cast<std::uint64_t>(x), 28));
    for (exponent -= 28; exponent > 0; --exponent)
        root *= 2;
    for (; exponent < 0; ++exponent)
        root *= 0.5;
    return root;
}

} // namespace fovea
