// Activations on vectors, by the exact formulas of kernels/reference/activation.hpp.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/kernels/simd/exponential.hpp>
#include <fovea/kernels/simd/exponential_avx512.hpp>

#include <algorithm>
#include <cstring>
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

// The two forms, functions of one vector. `applies`: whether they do anything. Tiles ask once for all their
// vectors: clamping one costs as much as two multiply-adds.
struct hardswish_form {
    static constexpr bool applies = true;

    template <class Vector>
    FOVEA_INLINE Vector operator()(Vector x) const noexcept {
        return x * hardsigmoid(x);
    }
};
struct clamp_form {
    bool applies;
    float low, high;

    template <class Vector>
    FOVEA_INLINE Vector operator()(Vector x) const noexcept {
        return clamp(x, low, high);
    }
};

// Calls f(activate) with the form. It is chosen out here, outside the caller's loops. Other activations than
// the inline ones are left to finish_activation().
template <class Function>
FOVEA_INLINE void with_inline_activation(activation act, Function&& f) noexcept {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    if (act == activation::hardswish)
        return f(hardswish_form{});
    const bool clamps = act == activation::relu || act == activation::relu6;
    f(clamp_form{clamps, clamps ? 0.0F : -infinity, act == activation::relu6 ? 6.0F : infinity});
}

// Either form, for loops that are long to compile and therefore ask inside. The constants of both stay in
// registers.
template <class Vector>
class inline_activation {
public:
    FOVEA_INLINE explicit inline_activation(activation act) noexcept
        : applies_(act != activation::identity && is_inline(act)),
          is_hardswish_(act == activation::hardswish), low_(0.0F),
          high_(act == activation::relu ? std::numeric_limits<float>::infinity() : 6.0F), shift_(3.0F),
          scale_(1.0F / 6.0F) {
        keep_in_register(low_);
        keep_in_register(high_);
        keep_in_register(shift_);
        keep_in_register(scale_);
    }

    template <int N>
    FOVEA_INLINE void apply(array_of<Vector, N>& x) const noexcept {
        if (!applies_)
            return;
        if (is_hardswish_) {
            FOVEA_UNROLL
            for (int i = 0; i < N; ++i)
                x[i] = x[i] * (clamp(x[i] + shift_) * scale_);
        } else {
            FOVEA_UNROLL
            for (int i = 0; i < N; ++i)
                x[i] = clamp(x[i]);
        }
    }

private:
    FOVEA_INLINE Vector clamp(Vector x) const noexcept { return xsimd::min(high_, xsimd::max(low_, x)); }

    bool applies_, is_hardswish_;
    Vector low_, high_, shift_, scale_;
};

// x[i] = 1 / (1 + exp(-x[i])), or x[i] times that, within 2.5 units in the last place. Results below 4e-37,
// which belong to x from -88.3 down to -infinity, are off by as much at most.
template <bool TimesX, class Vector, int N>
FOVEA_INLINE void apply_sigmoid(array_of<Vector, N>& x) noexcept {
    array_of<Vector, N> divisor;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i) {
        x[i] = xsimd::max(Vector(-88.37F), x[i]);     // exp(-x) stays a number,
        divisor[i] = xsimd::min(Vector(87.0F), x[i]); // and a normal one
    }
#if defined(__AVX512F__)
    one_plus_exp_minus<N>(divisor);
#else
    one_plus_exp_minus<Vector, N>(divisor);
#endif
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = divide(TimesX ? x[i] : Vector(1.0F), divisor[i]);
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

// Vectors side by side: one alone would wait for each of its own results. Softplus is long, and no map's
// activation in the zoo.
#if defined(__AVX512F__)
inline constexpr int most_activated_together = 4;
#else
inline constexpr int most_activated_together = 2; // more do not fit the registers
#endif
constexpr int activated_together(activation act) noexcept {
    return act == activation::softplus ? 1 : most_activated_together;
}

// The vectors at from(0), from(1), ... from(count - 1), each given to to(number, vector).
template <activation Act, class Vector, class From, class To>
FOVEA_INLINE void activate_each(int count, const From& from, const To& to) noexcept {
    const auto some = [&](int first, auto together) FOVEA_INLINE_LAMBDA {
        constexpr int n = together();
        array_of<Vector, n> v;
        FOVEA_UNROLL
        for (int i = 0; i < n; ++i)
            v[i] = Vector::load_unaligned(from(first + i));
        activate_vectors<Act, Vector, n>(v);
        FOVEA_UNROLL
        for (int i = 0; i < n; ++i)
            to(first + i, v[i]);
    };
    int i = 0;
    constexpr int together = activated_together(Act);
    for (; i + together <= count; i += together)
        some(i, std::integral_constant<int, together>{});
    for (; i < count; ++i)
        some(i, std::integral_constant<int, 1>{});
}

// The vectors at address(0), address(1), ... address(count - 1), where they are.
template <activation Act, class Vector, class Address>
FOVEA_INLINE void activate_at(int count, const Address& address) noexcept {
    activate_each<Act, Vector>(count, address,
                               [&](int i, Vector v) FOVEA_INLINE_LAMBDA { v.store_unaligned(address(i)); });
}

// The vectors of `count` pixels, vector_size apart at `from` and `stride` apart at `to`. Returns their sum,
// added up one after the other.
template <activation Act, class Vector>
FOVEA_NOINLINE Vector activate_pixels(const float* from, int count, float* to,
                                      std::ptrdiff_t stride) noexcept {
    constexpr int fetched_ahead = 8; // pixels: `to` is in a map, which may be far from the caches
    Vector sum(0.0F);
    activate_each<Act, Vector>(
        count, [&](int i) { return from + static_cast<std::ptrdiff_t>(i) * vector_size; },
        [&](int i, Vector v) FOVEA_INLINE_LAMBDA {
            __builtin_prefetch(to + (i + fetched_ahead) * stride, 1);
            v.store_unaligned(to + i * stride);
            sum += v;
        });
    return sum;
}

// Fewer numbers than a vector has.
template <activation Act>
FOVEA_INLINE void activate_rest(float* x, int count) noexcept {
    array_of<float, half_size> rest{};
    std::memcpy(rest, x, static_cast<std::size_t>(count) * sizeof(float));
    activate_at<Act, half_vector>(1, [&](int) { return &rest[0]; });
    std::memcpy(x, rest, static_cast<std::size_t>(count) * sizeof(float));
}

// `rows` rows of `count` numbers: whole vectors of a row one after the other where there is one row only,
// else those of several rows that are in one column.
template <activation Act>
inline void activate_rows(float* x, std::ptrdiff_t stride, int rows, int count) noexcept {
    int c = 0;
    if (rows == 1) {
        activate_at<Act, vector>(count / vector_size, [&](int i) { return x + i * vector_size; });
        c = count / vector_size * vector_size;
    }
    const auto column = [&](int r) { return x + r * stride + c; };
    for (; c + vector_size <= count; c += vector_size)
        activate_at<Act, vector>(rows, column);
    for (; c + half_size <= count; c += half_size)
        activate_at<Act, half_vector>(rows, column);
    if (c < count)
        for (int r = 0; r < rows; ++r)
            activate_rest<Act>(column(r), count - c);
}

// The rows of a tile, which begin anywhere: one column of `width` numbers at `offset` in each.
template <activation Act>
inline void activate_tile_column(float* const* rows, std::ptrdiff_t offset, int count, int width) noexcept {
    const auto column = [&](int r) { return rows[r] + offset; };
    if (width == vector_size)
        activate_at<Act, vector>(count, column);
    else if (width == half_size)
        activate_at<Act, half_vector>(count, column);
    else
        for (int r = 0; r < count; ++r)
            activate_rows<Act>(column(r), 0, 1, width);
}

// Calls f(tag) with the activation, which is not inline, as a constant: decltype(tag)::value.
template <class Function>
FOVEA_INLINE void with_activation_in_memory(activation act, Function&& f) noexcept {
    if (act == activation::silu)
        f(std::integral_constant<activation, activation::silu>{});
    else if (act == activation::sigmoid)
        f(std::integral_constant<activation, activation::sigmoid>{});
    else if (act == activation::softplus)
        f(std::integral_constant<activation, activation::softplus>{});
    else
        f(std::integral_constant<activation, activation::hardsigmoid>{});
}

// Applies an activation that is not inline to `rows` rows of `count` numbers in memory.
inline void activate_in_memory(activation act, float* x, std::ptrdiff_t stride, int rows,
                               int count) noexcept {
    with_activation_in_memory(act,
                              [&](auto tag) { activate_rows<decltype(tag)::value>(x, stride, rows, count); });
}

// The same to `columns` columns of a tile's rows, vectors of `size` being `vector_stride` apart.
inline void activate_tile_in_memory(activation act, float* const* rows, int count, int columns, int size,
                                    std::ptrdiff_t vector_stride) noexcept {
    with_activation_in_memory(act, [&](auto tag) {
        for (int c = 0; c < columns; c += size)
            activate_tile_column<decltype(tag)::value>(rows, c / size * vector_stride, count,
                                                       std::min(size, columns - c));
    });
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
