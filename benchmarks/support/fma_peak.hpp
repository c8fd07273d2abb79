// The roof of every figure: how fast one core multiplies and adds when nothing leaves its registers.
#pragma once

#include "statistics.hpp"

#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Enough independent chains to hide the latency of an FMA on any processor: 2 a cycle times 5 cycles.
inline constexpr int fma_chains = 12;

// FMA chains that end in `sink`, so that no compiler leaves them out.
inline void run_fma_chains(int rounds, float factor, float* sink) noexcept {
    const vector a(factor), b(1.0F - factor);
    array_of<vector, fma_chains> x;
    FOVEA_UNROLL
    for (int i = 0; i < fma_chains; ++i)
        x[i] = vector(static_cast<float>(i));
    for (int n = 0; n < rounds; ++n) {
        FOVEA_UNROLL
        for (int i = 0; i < fma_chains; ++i)
            x[i] = multiply_add(x[i], a, b);
    }
    FOVEA_UNROLL
    for (int i = 1; i < fma_chains; ++i)
        x[0] += x[i];
    x[0].store_unaligned(sink);
}

} // namespace kernel_detail

// GFLOP/s of one core with this instruction set, the best of many short runs (10 ms together): clocks vary
// and other programs interrupt.
inline double measured_fma_peak() noexcept {
    using kernel_detail::fma_chains;
    constexpr int rounds = 100'000, runs = 60;
    const volatile float factor = 0.5F;
    array_of<float, vector_size> sink{};
    double best = 0;
    for (int i = 0; i < runs; ++i)
        best = std::max(best, 2e-9 * rounds * fma_chains * vector_size / benchmarks::seconds([&] {
                                  kernel_detail::run_fma_chains(rounds, factor, sink);
                              }));
    const volatile float kept = sink[0];
    return kept == kept ? best : 0;
}

FOVEA_ARCH_NAMESPACE_END
