// Winograd's F(4x4, 3x3): 6x6 inputs, 3x3 weights and 4x4 outputs to and from the 36 numbers whose products
// replace 144 (Lavin and Gray 2016, "Fast Algorithms for Convolutional Neural Networks").
#pragma once

#include <fovea/kernels/simd/vector.hpp>

#include <array>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int winograd_tile = 4, winograd_side = 6, winograd_products = 36;

// The polynomials are evaluated at 0, +-a, +-b and infinity. 3/4 and 3/2 make errors of direct convolution's
// size; the customary 1 and 2 make four times larger ones (docs/kernels/winograd.md).
inline constexpr float winograd_a = 0.75F, winograd_b = 1.5F;

// G w G^T of one 3x3 window.
inline std::array<double, winograd_products> transform_weights(const std::array<double, 9>& w) noexcept {
    constexpr double a = static_cast<double>(winograd_a), b = static_cast<double>(winograd_b);
    constexpr double at_0 = 1 / (a * a * b * b), at_a = 1 / (2 * a * a * (a * a - b * b)),
                     at_b = 1 / (2 * b * b * (b * b - a * a));
    constexpr double g[winograd_side][3] = {{at_0, 0, 0},
                                            {at_a, at_a * a, at_a * a * a},
                                            {at_a, -at_a * a, at_a * a * a},
                                            {at_b, at_b * b, at_b * b * b},
                                            {at_b, -at_b * b, at_b * b * b},
                                            {0, 0, 1}};
    std::array<double, winograd_products> out{};
    for (std::size_t i = 0; i < winograd_side; ++i)
        for (std::size_t j = 0; j < winograd_side; ++j)
            for (std::size_t y = 0; y < 3; ++y)
                for (std::size_t x = 0; x < 3; ++x)
                    out[i * winograd_side + j] += g[i][y] * w[3 * y + x] * g[j][x];
    return out;
}

template <class Vector>
using winograd_line = array_of<Vector, winograd_side>;

// B^T d, in place.
template <class Vector>
FOVEA_INLINE void transform_input_line(winograd_line<Vector>& d) noexcept {
    constexpr float a = winograd_a, b = winograd_b, aa = a * a, bb = b * b;
    const Vector even_a = multiply_add(Vector(-bb), d[2], d[4]),
                 odd_a = multiply_add(Vector(-bb), d[1], d[3]);
    const Vector even_b = multiply_add(Vector(-aa), d[2], d[4]),
                 odd_b = multiply_add(Vector(-aa), d[1], d[3]);
    d[0] = multiply_add(Vector(aa * bb), d[0], multiply_add(Vector(-(aa + bb)), d[2], d[4]));
    d[5] = multiply_add(Vector(aa * bb), d[1], multiply_add(Vector(-(aa + bb)), d[3], d[5]));
    d[1] = multiply_add(Vector(a), odd_a, even_a);
    d[2] = multiply_add(Vector(-a), odd_a, even_a);
    d[3] = multiply_add(Vector(b), odd_b, even_b);
    d[4] = multiply_add(Vector(-b), odd_b, even_b);
}

// A^T m: four outputs.
template <class Vector>
FOVEA_INLINE void transform_output_line(const winograd_line<Vector>& m,
                                        array_of<Vector, winograd_tile>& y) noexcept {
    constexpr float a = winograd_a, b = winograd_b;
    const Vector sum_a = m[1] + m[2], difference_a = m[1] - m[2];
    const Vector sum_b = m[3] + m[4], difference_b = m[3] - m[4];
    y[0] = m[0] + sum_a + sum_b;
    y[1] = multiply_add(Vector(a), difference_a, Vector(b) * difference_b);
    y[2] = multiply_add(Vector(a * a), sum_a, Vector(b * b) * sum_b);
    y[3] = multiply_add(Vector(a * a * a), difference_a, multiply_add(Vector(b * b * b), difference_b, m[5]));
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
