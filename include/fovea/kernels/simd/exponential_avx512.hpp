// 1 + exp(-x) under the sigmoids on AVX-512, where a register holds a table of powers of two: SiLU then takes four
// fifths of the time that it takes with the polynomial of exponential.hpp.
#pragma once

#include <fovea/kernels/simd/vector.hpp>

#if defined(__AVX512F__)

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// What the table and the polynomial below are scaled by. Of all floats from .93 to .977 it is the one whose
// table is nearest to the exact numbers, .32 * 2^-24 off at most; and it keeps the polynomial below 1, where
// it is rounded half as much.
inline constexpr float table_scale = 0x1.eaa1a8p-1F;

// 2^(i / 16) / table_scale.
inline constexpr float powers_of_two[] = {
    0x1.0b264cp+0F, 0x1.16fa32p+0F, 0x1.235426p+0F, 0x1.303a18p+0F, 0x1.3db23ap+0F, 0x1.4bc306p+0F,
    0x1.5a733ep+0F, 0x1.69c9fp+0F,  0x1.79ce7cp+0F, 0x1.8a8894p+0F, 0x1.9c0042p+0F, 0x1.ae3deap+0F,
    0x1.c14a5p+0F,  0x1.d52e9cp+0F, 0x1.e9f45cp+0F, 0x1.ffa58cp+0F};

// x becomes 1 + exp(-x) for |x| <= 104; several vectors side by side.
//
// exp(-x) = 2^n * exp(-r), n being the multiple of 1/16 next to -x / ln 2 and r = x + n ln 2 at most (ln 2) / 32.
// The polynomial is the minimax one of degree 3 for table_scale * exp(-r) with that constant (as in
// split_exp_minus()): 2^-29 off.
template <int N>
FOVEA_INLINE void one_plus_exp_minus(array_of<vector, N>& x) noexcept {
    constexpr float rounds = 0x1.8p19F; // adding it leaves sixteenths in the lowest bits
    constexpr float coefficients[] = {0x1.eaa5b8p-2F, -table_scale, table_scale};
    const vector table = vector::load_unaligned(powers_of_two);
    array_of<vector, N> n, power, factor;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i) {
        const vector shifted = multiply_add(x[i], vector(-0x1.715476p0F), vector(rounds));
        n[i] = shifted - vector(rounds);
        power[i] = _mm512_maskz_permutexvar_ps(0xFFFF, _mm512_castps_si512(shifted), table);
    }
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i) {
        x[i] = multiply_add(n[i], vector(0x1.62e43p-1F), x[i]);
        x[i] = multiply_add(n[i], vector(-0x1.05c61p-29F), x[i]);
        power[i] = _mm512_maskz_scalef_ps(0xFFFF, power[i], n[i]); // by the integer next below n
        factor[i] = vector(-0x1.4716ecp-3F);
    }
    FOVEA_UNROLL
    for (float c : coefficients) {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            factor[i] = multiply_add(factor[i], x[i], vector(c));
    }
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = multiply_add(power[i], factor[i], vector(1.0F));
}

// Halves go two to a vector: a number's bits do not depend on where a row's last whole vector ends.
template <int N>
FOVEA_INLINE void one_plus_exp_minus(array_of<half_vector, N>& x) noexcept {
    constexpr int pairs = (N + 1) / 2;
    array_of<vector, pairs> whole;
    unroll<pairs>([&](auto p) FOVEA_INLINE_LAMBDA {
        constexpr int low = 2 * p, high = low + 1 < N ? low + 1 : low;
        whole[p] = _mm512_maskz_broadcast_f32x8(0xFFFF, x[low]);
        whole[p] = _mm512_mask_broadcast_f32x8(whole[p], 0xFF00, x[high]);
    });
    one_plus_exp_minus<pairs>(whole);
    unroll<N>([&](auto i) FOVEA_INLINE_LAMBDA {
        x[i] = _mm512_maskz_extractf32x8_ps(0xFF, whole[i / 2], i % 2);
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END

#endif
