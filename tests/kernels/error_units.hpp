// How kernels' errors are counted: in units of float's epsilon of the magnitudes that a number is made of.
#pragma once

#include <cmath>
#include <limits>
#include <vector>

namespace fovea::test {

// The largest of all numbers. `magnitude`: sums of the absolute values of what each number is a sum of.
// Infinite when the sizes differ, NaN when a number is.
inline double error_units(const std::vector<float>& got, const std::vector<double>& exact,
                          const std::vector<double>& magnitude) {
    if (got.size() != exact.size())
        return std::numeric_limits<double>::infinity();
    double largest = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        const double units = std::abs(static_cast<double>(got[i]) - exact[i]) / (magnitude[i] + 1e-30) /
                             static_cast<double>(std::numeric_limits<float>::epsilon());
        if (!(units <= largest)) // a NaN stays
            largest = units;
    }
    return largest;
}

} // namespace fovea::test
