// Weights for measurements without a file: random, finite, the same every time.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>

#include <cmath>
#include <cstdint>
#include <utility>

namespace fovea::benchmarks {

// One value for every parameter of the graph. Kernels are uniform with He et al.'s (2015) variance, 2 / fan
// in, batch-norms the identity: activations keep their size through the network.
inline state_dict generated_weights(graph_view g) {
    state_dict weights;
    std::uint64_t state = 1;
    const auto uniform = [&state] { // -1 .. 1, from the high bits of Knuth's linear congruence (MMIX)
        state = state * 6364136223846793005U + 1442695040888963407U;
        return static_cast<float>(static_cast<std::int32_t>(state >> 32U)) * 0x1p-31F;
    };
    for_each_parameter(g, [&](const parameter& p) {
        tensor t;
        t.name = key_of(g, p).str();
        for (int i = 0; i < p.dims.rank; ++i)
            t.shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        const bool is_one = p.kind == parameter_kind::norm_weight || p.kind == parameter_kind::running_var ||
                            p.kind == parameter_kind::sum_weight;
        t.values.assign(static_cast<std::size_t>(p.dims.size()), is_one ? 1.0F : 0.0F);
        if (p.kind == parameter_kind::weight) {
            const auto fan_in = static_cast<float>(p.dims.size() / p.dims.extents[0]);
            for (float& value : t.values)
                value = std::sqrt(6.0F / fan_in) * uniform();
        }
        weights.insert(std::move(t));
    });
    return weights;
}

} // namespace fovea::benchmarks
