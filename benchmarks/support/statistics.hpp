// Times and what is said of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

namespace fovea::benchmarks {

// Seconds that f() takes.
template <class Function>
double seconds(const Function& f) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

// The middle value, the upper one of two. Not for no values.
inline double median(std::vector<double> values) {
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

} // namespace fovea::benchmarks
