// From a graph, a policy and a seed to the parameters and buffers that training from scratch begins with.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/train/flat_weights.hpp>
#include <fovea/train/init/policies.hpp>
#include <fovea/train/key_prefix.hpp>

#include <algorithm>
#include <string>

namespace fovea {

namespace detail {

// The module's line of the policy. Throws input_error when there is none.
inline const module_initializers& initializers_of(initialization_policy policy, std::string_view key) {
    const module_initializers* best = nullptr;
    for (const module_initializers& m : policy)
        if (has_key_prefix(key, m.prefix) && (!best || m.prefix.size() >= best->prefix.size()))
            best = &m;
    if (!best)
        throw input_error("the policy says nothing about '" + std::string(key) + "'");
    return *best;
}

// How a parameter begins.
inline initializer initializer_of(const module_initializers& m, parameter_kind kind, bool linear) noexcept {
    switch (kind) {
    case parameter_kind::weight:
        return linear ? m.linear_weight : m.conv_weight;
    case parameter_kind::bias:
        return linear ? m.linear_bias : m.conv_bias;
    case parameter_kind::norm_weight:
    case parameter_kind::sum_weight:
    case parameter_kind::running_var:
        return init::constant(1);
    case parameter_kind::norm_bias:
    case parameter_kind::running_mean:
    case parameter_kind::num_batches_tracked:
        break;
    }
    return init::constant(0);
}

// FNV-1a of 64 bits: a stream for each key.
inline std::uint64_t stream_of(std::string_view key) noexcept {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char c : key)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

} // namespace detail

// Fills parameters [count_parameters(g)] and buffers [count_buffers(g)], in for_each_parameter's order. Each
// parameter draws from its own stream, by seed and key: a network that gains a layer keeps the others'
// values. What the policy keeps is not touched. torch's random numbers are not reproduced. Throws input_error
// for other sizes, a layer without a line in the policy, and as fill(); parameters may have been filled in
// part then.
inline void initialize(graph_view g, initialization_policy policy, std::uint64_t seed, span<float> parameters,
                       span<float> buffers) {
    detail::check_flat_sizes(g, parameters.size(), buffers.size());
    layer_fans fans; // of the weight, for the bias behind it
    detail::for_each_flat(g, [&](const parameter& p, std::size_t place) {
        const std::string key = key_of(g, p).str();
        const module_initializers& m = detail::initializers_of(policy, key);
        if (p.kind == parameter_kind::weight)
            fans = fans_of(p.dims, g[p.owner].groups);
        if (m.keep)
            return;
        random_stream random(seed, detail::stream_of(key));
        fill((is_buffer(p.kind) ? buffers : parameters)
                 .subspan(place, static_cast<std::size_t>(p.dims.size())),
             detail::initializer_of(m, p.kind, g[p.owner].kind == op::linear), fans, random);
    });
}

} // namespace fovea
