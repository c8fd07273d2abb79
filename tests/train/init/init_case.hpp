// Figures of drawn values.
#pragma once

#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>

namespace fovea::test {

struct statistics {
    double mean = 0, std = 0, largest = 0;
};

inline statistics statistics_of(span<const float> values) {
    statistics s;
    const auto n = static_cast<double>(values.size());
    for (float v : values)
        s.mean += double(v);
    s.mean /= n;
    for (float v : values) {
        s.std += (double(v) - s.mean) * (double(v) - s.mean) / n;
        s.largest = std::max(s.largest, std::abs(double(v)));
    }
    s.std = std::sqrt(s.std);
    return s;
}

} // namespace fovea::test
