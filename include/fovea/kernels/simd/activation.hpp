// Activations on vectors, by the exact formulas of kernels/reference/activation.hpp.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/kernels/simd/vector.hpp>

#include <limits>
#include <type_traits>

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

inline vector activate_vector(activation act, vector x) noexcept {
    const vector one(1.0F);
    if (act == activation::hardsigmoid)
        return hardsigmoid(x);
    if (act == activation::softplus) // log(1 + exp(x)) without overflow
        return xsimd::max(vector(0.0F), x) + xsimd::log1p(xsimd::exp(-xsimd::abs(x)));
    return (act == activation::silu ? x : one) / (one + xsimd::exp(-x));
}

// Applies an activation that is not inline to `count` numbers in memory.
inline void activate_in_memory(activation act, float* x, int count) noexcept {
    for (; count >= vector_size; x += vector_size, count -= vector_size)
        activate_vector(act, vector::load_unaligned(x)).store_unaligned(x);
    if (count > 0) {
        array_of<float, vector_size> rest{};
        std::memcpy(rest, x, static_cast<std::size_t>(count) * sizeof(float));
        activate_vector(act, vector::load_unaligned(rest)).store_unaligned(rest);
        std::memcpy(x, rest, static_cast<std::size_t>(count) * sizeof(float));
    }
}

} // namespace kernel_detail

// Completes with_inline_activation() on `rows` stored rows of `count` numbers.
FOVEA_INLINE void finish_activation(activation act, float* output, std::ptrdiff_t stride, int rows,
                                    int count) noexcept {
    if (!kernel_detail::is_inline(act))
        for (int r = 0; r < rows; ++r)
            kernel_detail::activate_in_memory(act, output + r * stride, count);
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
