// What the SIMD kernels share: the vector types of this translation unit's instruction set and loops that
// unroll.
#pragma once

#include <fovea/arch.hpp>

#include <cstring>
#include <type_traits>
#include <utility>

// FOVEA_UNROLL in front of a loop with a constant trip count: unrolls it fully, at -O2 too, so that arrays
// become registers. Under sanitizers nothing is unrolled or inlined by force: with a check around every
// access, units would take minutes and gigabytes to compile.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FOVEA_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FOVEA_SANITIZED 1
#endif
#endif
#if defined(FOVEA_SANITIZED)
#define FOVEA_UNROLL
#define FOVEA_INLINE inline
#define FOVEA_INLINE_LAMBDA
#else
#if defined(__clang__)
#define FOVEA_UNROLL _Pragma("clang loop unroll(full)")
#elif defined(__GNUC__)
#define FOVEA_UNROLL _Pragma("GCC unroll 64")
#else
#define FOVEA_UNROLL
#endif
#define FOVEA_INLINE inline __attribute__((always_inline))
#define FOVEA_INLINE_LAMBDA __attribute__((always_inline))
#endif

// Where a call costs nothing next to what it does, and inlining would compile it once for each caller.
#if defined(__GNUC__)
#define FOVEA_NOINLINE inline __attribute__((noinline))
#else
#define FOVEA_NOINLINE inline
#endif

FOVEA_ARCH_NAMESPACE_BEGIN

using vector = xsimd::batch<float, simd_arch>;
inline constexpr int vector_size = static_cast<int>(vector::size);

// A vector of 8 floats at most: with AVX-512 the half that channel tails use, elsewhere the vector itself.
#if defined(__AVX512F__)
using half_vector = xsimd::batch<float, xsimd::fma3<xsimd::avx2>>;
#else
using half_vector = vector;
#endif
inline constexpr int half_size = static_cast<int>(half_vector::size);

// T[N] with a signed N, as tile shapes and loop counters are.
template <class T, int N>
using array_of = T[static_cast<std::size_t>(N)];

// a * b + c, fused where the instruction set has it. xsimd 8 has no fused form for AVX-512 and leaves it to
// the compiler, which g++ below -O2 and clang do not do.
template <class Vector>
FOVEA_INLINE Vector multiply_add(Vector a, Vector b, Vector c) noexcept {
#if defined(__AVX512F__)
    if constexpr (Vector::size == 16)
        return Vector(_mm512_fmadd_ps(a.data, b.data, c.data));
#endif
    return xsimd::fma(a, b, c);
}

// a / b, rounded once. For 64-bit Arm xsimd 8 has 32-bit Arm's approximation.
template <class Vector>
FOVEA_INLINE Vector divide(Vector a, Vector b) noexcept {
#if defined(__aarch64__)
    return Vector(vdivq_f32(a.data, b.data));
#else
    return a / b;
#endif
}

// Makes the compiler hold a value in a register instead of loading it again at each use: g++ 12 otherwise
// folds a load into every multiply_add that uses it, and the loads, not the arithmetic, then set the pace (a
// fifth of a depthwise layer).
template <class Vector>
FOVEA_INLINE void keep_in_register(Vector& x) noexcept {
#if defined(__x86_64__)
    asm("" : "+v"(x.data));
#elif defined(__aarch64__)
    asm("" : "+w"(x.data));
#endif
}

namespace kernel_detail {

template <class Counters>
struct unroller;

template <int... I>
struct unroller<std::integer_sequence<int, I...>> {
    template <class Function>
    FOVEA_INLINE void operator()(const Function& f) const noexcept {
        (f(std::integral_constant<int, I>{}), ...);
    }
};

} // namespace kernel_detail

// unroll<N>(f): f(constant) for each of 0 .. N - 1, for loops whose bodies decide by the counter. Mark the
// lambda FOVEA_INLINE_LAMBDA. An object and not a function that calls another one: compilers optimise the
// whole body again at each level of forced inlining.
template <int N>
inline constexpr kernel_detail::unroller<std::make_integer_sequence<int, N>> unroll{};

// Calls f(vector tag, channel) over [begin, end): whole vectors, then halves. A multiple of 8 channels.
template <class Function>
FOVEA_INLINE void for_each_vector(int begin, int end, Function&& f) noexcept {
    int c = begin;
    for (; c + vector_size <= end; c += vector_size)
        f(vector(0.0F), c);
    for (; c < end; c += half_size)
        f(half_vector(0.0F), c);
}

FOVEA_ARCH_NAMESPACE_END
