// The instruction set that a translation unit is compiled for, and the inline namespace that keeps its code
// apart.
//
// Kernels and everything that calls them live between FOVEA_ARCH_NAMESPACE_BEGIN and
// FOVEA_ARCH_NAMESPACE_END, so that translation units compiled with different -m flags never share a symbol
// (see docs/arch.md).
#pragma once

// GCC 12 takes the undefined pass-through operands of AVX-512 intrinsics, once inlined, for uninitialised
// reads.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <xsimd/xsimd.hpp>
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

#if defined(__AVX512F__) && defined(__AVX512CD__) && defined(__AVX512DQ__) && defined(__AVX512BW__)
#ifndef __FMA__ // for half vectors; no -mavx512 flag brings it
#error "fovea needs -mfma with AVX-512, as -march=x86-64-v4 has it"
#endif
#define FOVEA_ARCH avx512
#define FOVEA_XSIMD_ARCH xsimd::avx512bw
#elif defined(__AVX2__) && defined(__FMA__)
#define FOVEA_ARCH avx2
#define FOVEA_XSIMD_ARCH xsimd::fma3<xsimd::avx2>
#elif defined(__SSE2__)
#define FOVEA_ARCH sse2
#define FOVEA_XSIMD_ARCH xsimd::sse2
#elif defined(__aarch64__)
#define FOVEA_ARCH neon64
#define FOVEA_XSIMD_ARCH xsimd::neon64
#else
#error "fovea has kernels for x86-64 (SSE2, AVX2+FMA, AVX-512) and AArch64 (NEON)"
#endif

#define FOVEA_ARCH_NAMESPACE_BEGIN                                                                           \
    namespace fovea {                                                                                        \
    inline namespace FOVEA_ARCH {
#define FOVEA_ARCH_NAMESPACE_END                                                                             \
    }                                                                                                        \
    }

#define FOVEA_STRINGIZE_(x) #x
#define FOVEA_STRINGIZE(x) FOVEA_STRINGIZE_(x)

FOVEA_ARCH_NAMESPACE_BEGIN

// The xsimd architecture tag of this translation unit; kernels use xsimd::batch<float, simd_arch>.
using simd_arch = FOVEA_XSIMD_ARCH;

// "sse2", "avx2", "avx512" or "neon64", as `fovea bench` prints it.
inline constexpr const char* arch_name = FOVEA_STRINGIZE(FOVEA_ARCH);

FOVEA_ARCH_NAMESPACE_END
