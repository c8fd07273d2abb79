// Conversions between float and the 16-bit floating-point formats that weights are stored in.
#pragma once

#include <cstdint>
#include <cstring>

namespace fovea {

namespace detail {

inline float float_from_bits(std::uint32_t bits) noexcept {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

inline std::uint32_t bits_of_float(float value) noexcept {
    std::uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

} // namespace detail

// IEEE 754 binary16 (1 sign, 5 exponent, 10 fraction bits) to float: exact, subnormals and NaN payloads
// included.
inline float half_to_float(std::uint16_t half) noexcept {
    const std::uint32_t sign = (half & 0x8000u) << 16;
    const std::uint32_t exponent = (half >> 10) & 0x1fu;
    const std::uint32_t fraction = half & 0x3ffu;
    if (exponent == 0x1f) // infinity and NaN
        return detail::float_from_bits(sign | 0x7f800000u | (fraction << 13));
    if (exponent != 0) // the exponent's bias grows from 15 to 127
        return detail::float_from_bits(sign | ((exponent + 112) << 23) | (fraction << 13));
    const float magnitude = static_cast<float>(fraction) * 0x1p-24f;
    return detail::float_from_bits(sign | detail::bits_of_float(magnitude));
}

// Float to IEEE 754 binary16, rounded to nearest, ties to even; too large becomes infinity, NaN stays NaN.
inline std::uint16_t float_to_half(float value) noexcept {
    const std::uint32_t bits = detail::bits_of_float(value);
    const std::uint32_t sign = (bits >> 16) & 0x8000u;
    const std::uint32_t magnitude = bits & 0x7fffffffu;
    if (magnitude > 0x7f800000u) // NaN: keep it quiet, keep the upper payload
        return static_cast<std::uint16_t>(sign | 0x7e00u | ((magnitude >> 13) & 0x3ffu));
    if (magnitude >= 0x477ff000u) // 65520 and above round to infinity
        return static_cast<std::uint16_t>(sign | 0x7c00u);
    if (magnitude < 0x38800000u) { // below 2^-14: adding 0.5 rounds to a multiple of 2^-24 in the low bits
        const float shifted = detail::float_from_bits(magnitude) + 0.5f;
        return static_cast<std::uint16_t>(sign | (detail::bits_of_float(shifted) - 0x3f000000u));
    }
    const std::uint32_t odd = (magnitude >> 13) & 1u;
    return static_cast<std::uint16_t>(sign | ((magnitude - 0x38000000u + 0xfffu + odd) >> 13));
}

// bfloat16 (the upper half of a float) to float: exact.
inline float bfloat16_to_float(std::uint16_t bfloat16) noexcept {
    return detail::float_from_bits(static_cast<std::uint32_t>(bfloat16) << 16);
}

// Float to bfloat16, rounded to nearest, ties to even; NaN stays NaN.
inline std::uint16_t float_to_bfloat16(float value) noexcept {
    const std::uint32_t bits = detail::bits_of_float(value);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return static_cast<std::uint16_t>((bits >> 16) | 0x40u);
    return static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

} // namespace fovea
