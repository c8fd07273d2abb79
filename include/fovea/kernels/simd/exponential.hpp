// The exponential function on vectors, under the sigmoids of activation.hpp.
#pragma once

#include <fovea/kernels/simd/vector.hpp>

#include <cstdint>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

template <class Vector>
using integers_of = xsimd::batch<std::int32_t, typename Vector::arch_type>;

// exp(-x) = 2^n * factor for |x| <= 104. Several vectors go side by side, so that a step of one does not wait
// for the step before it; `x` becomes the factors, in [0.7, 1.42].
//
// n is the integer next to -x / ln 2 and x + n ln 2 is at most (ln 2) / 2; ln 2 comes in two parts, the first
// short enough for exact products. The polynomial is the minimax one of degree 6 for exp there (Lawson's
// iteration on the relative error, coefficients rounded one after the other): 2^-28 off, less than rounding.
template <class Vector, int N>
FOVEA_INLINE void split_exp_minus(array_of<Vector, N>& x, array_of<integers_of<Vector>, N>& n) noexcept {
    constexpr float rounds = 0x1.8p23F; // adding it leaves an integer in the lowest bits
    constexpr float coefficients[] = {-0x1.123988p-7F, 0x1.5558bp-5F, -0x1.555492p-3F,
                                      0x1.fffffcp-2F,  -1.0F,         1.0F};
    array_of<Vector, N> shifted, factor;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        shifted[i] = multiply_add(x[i], Vector(-0x1.715476p0F), Vector(rounds));
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i) {
        const Vector whole = shifted[i] - Vector(rounds);
        x[i] = multiply_add(whole, Vector(0x1.63p-1F), x[i]);
        x[i] = multiply_add(whole, Vector(-0x1.bd0106p-13F), x[i]);
        n[i] = xsimd::bitwise_cast<integers_of<Vector>>(shifted[i]);
        factor[i] = Vector(0x1.6a4ce4p-10F);
    }
    FOVEA_UNROLL
    for (float c : coefficients) {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            factor[i] = multiply_add(factor[i], x[i], Vector(c));
    }
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = factor[i];
}

// 2^n * x, both normal numbers. Of n only the low bits count, as split_exp_minus() leaves them.
template <class Vector>
FOVEA_INLINE Vector scale_by_power(Vector x, integers_of<Vector> n) noexcept {
    return xsimd::bitwise_cast<Vector>(xsimd::bitwise_cast<integers_of<Vector>>(x) + (n << 23));
}

// x becomes 1 + exp(-x), several vectors side by side. AVX-512 has a faster way (exponential_avx512.hpp).
template <class Vector, int N>
FOVEA_INLINE void one_plus_exp_minus(array_of<Vector, N>& x) noexcept {
    array_of<integers_of<Vector>, N> n;
    split_exp_minus<Vector, N>(x, n);
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = Vector(1.0F) + scale_by_power(x[i], n[i]);
}

} // namespace kernel_detail

// exp(x) within 1.2 units in the last place: infinity from 88.73 on, zero below -104, not-a-number kept.
// Results that are no normal numbers, below 2^-126, are as the processor is set to round or flush them.
template <class Vector>
FOVEA_INLINE Vector exponential(Vector x) noexcept {
    using namespace kernel_detail;
    array_of<Vector, 1> factor{-xsimd::min(Vector(89.0F), xsimd::max(Vector(-104.0F), x))};
    array_of<integers_of<Vector>, 1> shifted;
    split_exp_minus<Vector, 1>(factor, shifted);
    // 2^128 and 2^-150 are no floats: two powers, each of half the exponent.
    const integers_of<Vector> n = shifted[0] - integers_of<Vector>(0x4b400000), half = n >> 1;
    return scale_by_power(factor[0], half) * scale_by_power(Vector(1.0F), n - half);
}

FOVEA_ARCH_NAMESPACE_END
