// Activations on vectors, by the exact formulas of kernels/reference/activation.hpp.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/kernels/simd/exponential.hpp>

#include <limits>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The constant comes first in min and max: on x86 the second operand is what a NaN comparison returns, so
// NaNs survive.
template <class Vector>
FOVEA_INLINE Vector clamp(Vector x, float low, float high) noexcept {
    return xsimd::min(Vector(high), xsimd::max(Vector(low), x));
}

// Activations of a map that kernels apply in registers; the rest (gates, and what needs exp) follows in
// memory, so that every kernel is compiled for two forms and not for eight.
constexpr bool is_inline(activation act) noexcept {
    return act == activation::identity || act == activation::relu || act == activation::relu6 ||
           act == activation::hardswish;
}

// x + 3 clamped to [0, 6], over 6.
template <class Vector>
FOVEA_INLINE Vector hardsigmoid(Vector x) noexcept {
    return clamp(x + Vector(3.0F), 0.0F, 6.0F) * Vector(1.0F / 6.0F);
}

// Calls f(activate), activate being a function of one vector. The form is chosen out here, outside the
// caller's loops. Other activations than the inline ones are left to finish_activation().
template <class Function>
FOVEA_INLINE void with_inline_activation(activation act, Function&& f) noexcept {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (act == activation::hardswish)
        return f([](auto x) { return x * hardsigmoid(x); });
    const float low = act == activation::relu || act == activation::relu6 ? 0.0F : -infinity;
    const float high = act == activation::relu6 ? 6.0F : infinity;
    f([low, high](auto x) { return clamp(x, low, high); });
}

// x[i] = 1 / (1 + exp(-x[i])), or x[i] times that, within 2.5 units in the last place. Results below 4e-37,
// which belong to x from -88.3 down to -infinity, are off by as much at most.
template <bool TimesX, class Vector, int N>
FOVEA_INLINE void apply_sigmoid(array_of<Vector, N>& x) noexcept {
    array_of<Vector, N> factor;
    array_of<integers_of<Vector>, N> n;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i) {
        x[i] = xsimd::max(Vector(-88.37F), x[i]);    // exp(-x) stays a number,
        factor[i] = xsimd::min(Vector(87.0F), x[i]); // and a normal one
    }
    split_exp_minus<Vector, N>(factor, n);
    const Vector one(1.0F);
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = divide(TimesX ? x[i] : one, one + scale_by_power(factor[i], n[i]));
}

// log(1 + exp(x)) without overflow.
template <class Vector>
FOVEA_INLINE Vector softplus(Vector x) noexcept {
    return xsimd::max(Vector(0.0F), x) + xsimd::log1p(exponential(-xsimd::abs(x)));
}

// An activation that is not inline, on N vectors.
template <activation Act, class Vector, int N>
FOVEA_INLINE void activate_vectors(array_of<Vector, N>& x) noexcept {
    if constexpr (Act == activation::sigmoid || Act == activation::silu)
        apply_sigmoid<Act == activation::silu, Vector, N>(x);
    else {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            x[i] = Act == activation::softplus ? softplus(x[i]) : hardsigmoid(x[i]);
    }
}

template <activation Act, class Vector, int N>
FOVEA_INLINE void activate_at(float* x) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    array_of<Vector, N> v;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        v[i] = Vector::load_unaligned(x + i * size);
    activate_vectors<Act, Vector, N>(v);
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        v[i].store_unaligned(x + i * size);
}

// Two vectors at a time, as one alone would wait for each of its own results.
template <activation Act>
inline void activate_row(float* x, int count) noexcept {
    for (; count >= 2 * vector_size; x += 2 * vector_size, count -= 2 * vector_size)
        activate_at<Act, vector, 2>(x);
    for (; count >= half_size; x += half_size, count -= half_size)
        activate_at<Act, half_vector, 1>(x);
    if (count > 0) {
        array_of<float, half_size> rest{};
        std::memcpy(rest, x, static_cast<std::size_t>(count) * sizeof(float));
        activate_at<Act, half_vector, 1>(rest);
        std::memcpy(x, rest, static_cast<std::size_t>(count) * sizeof(float));
    }
}

// Applies an activation that is not inline to `rows` rows of `count` numbers in memory.
inline void activate_in_memory(activation act, float* x, std::ptrdiff_t stride, int rows,
                               int count) noexcept {
    const auto row = act == activation::sigmoid    ? &activate_row<activation::sigmoid>
                     : act == activation::silu     ? &activate_row<activation::silu>
                     : act == activation::softplus ? &activate_row<activation::softplus>
                                                   : &activate_row<activation::hardsigmoid>;
    for (int r = 0; r < rows; ++r)
        row(x + r * stride, count);
}

} // namespace kernel_detail

// Completes with_inline_activation() on `rows` stored rows of `count` numbers.
FOVEA_INLINE void finish_activation(activation act, float* output, std::ptrdiff_t stride, int rows,
                                    int count) noexcept {
    if (!kernel_detail::is_inline(act))
        kernel_detail::activate_in_memory(act, output, stride, rows, count);
}

// The activation of a single number.
inline float activate(activation act, float x) noexcept {
    array_of<float, half_size> value{x};
    kernel_detail::with_inline_activation(
        act, [&](auto f) { f(half_vector::load_unaligned(value)).store_unaligned(value); });
    finish_activation(act, value, 0, 1, 1);
    return value[0];
}

FOVEA_ARCH_NAMESPACE_END
