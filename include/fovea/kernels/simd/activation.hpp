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

constexpr bool is_transcendental(activation act) noexcept {
    return act >= activation::sigmoid;
}

// Calls f(activate), activate being a function of one vector. The form is chosen out here, outside the
// caller's loops. Transcendental activations are left as they are: finish_activation() applies them to what
// was stored.
template <class Function>
FOVEA_INLINE void with_cheap_activation(activation act, Function&& f) noexcept {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (act == activation::hardswish)
        return f(
            [](auto x) { return x * (clamp(x + decltype(x)(3.0F), 0.0F, 6.0F) * decltype(x)(1.0F / 6.0F)); });
    if (act == activation::hardsigmoid)
        return f([](auto x) { return clamp(x + decltype(x)(3.0F), 0.0F, 6.0F) * decltype(x)(1.0F / 6.0F); });
    const float low = act == activation::relu || act == activation::relu6 ? 0.0F : -infinity;
    const float high = act == activation::relu6 ? 6.0F : infinity;
    f([low, high](auto x) { return clamp(x, low, high); });
}

inline vector transcendental(activation act, vector x) noexcept {
    const vector one(1.0F);
    if (act == activation::softplus) // log(1 + exp(x)) without overflow
        return xsimd::max(vector(0.0F), x) + xsimd::log1p(xsimd::exp(-xsimd::abs(x)));
    return (act == activation::silu ? x : one) / (one + xsimd::exp(-x));
}

// Applies a transcendental activation to `count` numbers in memory.
inline void transcendental_inplace(activation act, float* x, int count) noexcept {
    for (; count >= vector_size; x += vector_size, count -= vector_size)
        transcendental(act, vector::load_unaligned(x)).store_unaligned(x);
    if (count > 0) {
        array_of<float, vector_size> rest{};
        std::memcpy(rest, x, static_cast<std::size_t>(count) * sizeof(float));
        transcendental(act, vector::load_unaligned(rest)).store_unaligned(rest);
        std::memcpy(x, rest, static_cast<std::size_t>(count) * sizeof(float));
    }
}

} // namespace kernel_detail

// Completes with_cheap_activation() on `rows` stored rows of `count` numbers: nothing to do for cheap
// activations.
FOVEA_INLINE void finish_activation(activation act, float* output, std::ptrdiff_t stride, int rows,
                                    int count) noexcept {
    if (kernel_detail::is_transcendental(act))
        for (int r = 0; r < rows; ++r)
            kernel_detail::transcendental_inplace(act, output + r * stride, count);
}

// The activation of a single number.
inline float activate(activation act, float x) noexcept {
    array_of<float, half_size> value{x};
    kernel_detail::with_cheap_activation(
        act, [&](auto f) { f(half_vector::load_unaligned(value)).store_unaligned(value); });
    finish_activation(act, value, 0, 1, 1);
    return value[0];
}

FOVEA_ARCH_NAMESPACE_END
