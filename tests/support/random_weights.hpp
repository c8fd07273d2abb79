// Numbers and weights for any graph, the same in every run of a test.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>

#include <cmath>
#include <random>
#include <vector>

namespace fovea::test {

inline std::vector<float> random_numbers(std::minstd_rand& generator, std::size_t count, float low,
                                         float high) {
    std::vector<float> numbers(count);
    for (float& x : numbers)
        x = low + (high - low) * static_cast<float>(generator() % 65536) / 65536;
    return numbers;
}

// Weights that keep values near unit size.
inline state_dict random_weights(graph_view g, unsigned seed) {
    std::minstd_rand generator(seed + 1);
    state_dict weights;
    for_each_parameter(g, [&](const parameter& p) {
        tensor t;
        t.name = key_of(g, p).str();
        for (int i = 0; i < p.dims.rank; ++i)
            t.shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        const auto size = static_cast<std::size_t>(p.dims.size());
        const float fan_in = p.dims.rank > 1 ? static_cast<float>(size / t.shape[0]) : 4.0F;
        const float spread = std::sqrt(3 / fan_in);
        const bool positive = p.kind == parameter_kind::running_var || p.kind == parameter_kind::norm_weight;
        if (p.kind == parameter_kind::sum_weight) // mostly above 0, where relu lets them through
            t.values = random_numbers(generator, size, -0.1F, 1.5F);
        else
            t.values = positive ? random_numbers(generator, size, 0.5F, 1.5F)
                                : random_numbers(generator, size, -spread, spread);
        weights.insert(std::move(t));
    });
    return weights;
}

} // namespace fovea::test
