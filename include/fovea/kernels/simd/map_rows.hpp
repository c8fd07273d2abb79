// How kernels without weights share a map among workers: row by row.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/layer.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// f(y) for each row of the output. Sharing costs one or two microseconds, in which one core goes through
// about this many floats.
template <class Function>
inline void for_each_output_row(const layer& l, executor& ex, const Function& f) noexcept {
    constexpr std::ptrdiff_t least_shared = 50'000;
    const auto floats = [](const map_layout& m) {
        return static_cast<std::ptrdiff_t>(m.pixels()) * m.stride;
    };
    const bool shared = floats(l.in) + floats(l.out) >= least_shared;
    parallel_for(ex, shared ? ex.concurrency() : 1, l.out.height, [&](int y, int) { f(y); });
}

FOVEA_ARCH_NAMESPACE_END
