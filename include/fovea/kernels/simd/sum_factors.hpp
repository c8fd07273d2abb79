// The factors of a weighted sum, made of its parameter: once when weights are packed, once a pass in training.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/graph/node.hpp>

#include <algorithm>
#include <array>
#include <cmath>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int most_summands = 3;

// Added to the sum by fast normalised fusion (Tan et al. 2020, section 3.3).
inline constexpr double fast_weighting_epsilon = 1e-4;

// In double, for `count` maps. `weight` [count]; not read with weighting::none.
inline std::array<double, most_summands> sum_factors(weighting how, const float* weight, int count) noexcept {
    std::array<double, most_summands> factors{};
    double largest = 0, sum = 0;
    for (int i = 0; i < count && how == weighting::softmax; ++i)
        largest = i == 0 ? static_cast<double>(weight[0]) : std::max(largest, static_cast<double>(weight[i]));
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        if (how == weighting::none) {
            factors[i] = 1;
            continue;
        }
        const double w = static_cast<double>(weight[i]);
        factors[i] = how == weighting::fast ? std::max(w, 0.0) : std::exp(w - largest);
        sum += factors[i];
    }
    if (how == weighting::none)
        return factors;
    for (double& f : factors)
        f /= how == weighting::fast ? sum + fast_weighting_epsilon : sum;
    return factors;
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
