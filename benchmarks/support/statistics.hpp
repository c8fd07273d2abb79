// Times and what is said of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <vector>

namespace fovea::benchmarks {

// Seconds that f() takes.
template <class Function>
double seconds(const Function& f) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The least value that a share of the values does not exceed (nearest rank). Not for no values.
inline double percentile(std::vector<double> values, double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
    const auto at =
        values.begin() + static_cast<std::ptrdiff_t>(std::clamp<std::size_t>(rank, 1, values.size()) - 1);
    std::nth_element(values.begin(), at, values.end());
    return *at;
}

inline double median(std::vector<double> values) {
    return percentile(std::move(values), 0.5);
}

inline double least(const std::vector<double>& values) {
    return *std::min_element(values.begin(), values.end());
}

} // namespace fovea::benchmarks
