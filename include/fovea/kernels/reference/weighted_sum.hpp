// Scalar reference of weighted sums: BiFPN's fusion of two or three maps (Tan et al. 2020, section 3.3).
#pragma once

#include <fovea/graph/node.hpp>
#include <fovea/kernels/reference/map.hpp>

#include <cmath>
#include <vector>

namespace fovea::reference {

// One factor a map. `weight`: one number a map; with weighting::none only their count matters.
template <class T>
std::vector<T> sum_factors(weighting how, span<const T> weight) {
    std::vector<T> factors(weight.size(), T(1));
    if (how == weighting::none)
        return factors;
    T sum = how == weighting::fast ? T(1e-4) : T(0);
    for (std::size_t i = 0; i < weight.size(); ++i) {
        factors[i] = how == weighting::softmax ? std::exp(weight[i]) : weight[i] > 0 ? weight[i] : T(0);
        sum += factors[i];
    }
    for (T& f : factors)
        f /= sum;
    return factors;
}

// output[i] = the sum over maps of factor * map[i]. Throws input_error when sizes or counts differ.
template <class T>
void weighted_sum(const std::vector<span<const T>>& maps, weighting how, span<const T> weight, span<T> output) {
    if (weight.size() != maps.size())
        throw input_error("weighted_sum: " + std::to_string(weight.size()) + " weights for " +
                          std::to_string(maps.size()) + " maps");
    const std::vector<T> factors = sum_factors(how, weight);
    for (const span<const T>& map : maps)
        if (map.size() != output.size())
            throw input_error("weighted_sum: a map of " + std::to_string(map.size()) + " numbers, expected " +
                              std::to_string(output.size()));
    for (std::size_t i = 0; i < output.size(); ++i) {
        output[i] = 0;
        for (std::size_t m = 0; m < maps.size(); ++m)
            output[i] += factors[m] * maps[m][i];
    }
}

// The gradients of weighted_sum, each added to. relu's derivative at 0 is 0, as torch has it.
template <class T>
void weighted_sum_backward(const std::vector<span<const T>>& maps, weighting how, span<const T> weight,
                           span<const T> output_gradient, const std::vector<span<T>>& map_gradients,
                           span<T> weight_gradient) {
    const std::vector<T> factors = sum_factors(how, weight);
    std::vector<T> factor_gradients(maps.size());
    for (std::size_t m = 0; m < maps.size(); ++m)
        for (std::size_t i = 0; i < output_gradient.size(); ++i) {
            map_gradients[m][i] += factors[m] * output_gradient[i];
            factor_gradients[m] += maps[m][i] * output_gradient[i];
        }
    if (how == weighting::none)
        return;
    T sum = T(1e-4), mean = 0;
    for (std::size_t m = 0; m < maps.size(); ++m) {
        sum += weight[m] > 0 ? weight[m] : T(0);
        mean += factors[m] * factor_gradients[m];
    }
    for (std::size_t m = 0; m < maps.size(); ++m) {
        const T slope = how == weighting::softmax ? factors[m] : weight[m] > 0 ? 1 / sum : T(0);
        weight_gradient[m] += slope * (factor_gradients[m] - mean);
    }
}

} // namespace fovea::reference
