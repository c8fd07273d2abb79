// How kernels without weights share a map among workers: row by row.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/layer.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

// f(y, worker) for each row of the output. Rows are shared in bands, for maps of so many floats that it pays:
// that takes some microseconds, as half of a map comes from another core's cache.
template <class Function>
inline void for_each_output_row(const layer& l, executor& ex, const Function& f) noexcept {
    constexpr std::ptrdiff_t least_shared = 200'000;
    constexpr int bands_per_worker = 4;
    const auto floats = [](const map_layout& m) {
        return static_cast<std::ptrdiff_t>(m.pixels()) * m.stride;
    };
    const int rows = l.out.height;
    const int workers = floats(l.in) + floats(l.out) < least_shared ? 1 : ex.concurrency();
    const int bands = workers == 1 ? 1 : std::min(rows, bands_per_worker * workers);
    parallel_for(ex, workers, bands, [&](int band, int worker) {
        const int end = static_cast<int>(static_cast<std::ptrdiff_t>(rows) * (band + 1) / bands);
        for (int y = static_cast<int>(static_cast<std::ptrdiff_t>(rows) * band / bands); y < end; ++y)
            f(y, worker);
    });
}

FOVEA_ARCH_NAMESPACE_END
