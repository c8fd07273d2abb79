// Weights of a checkpoint as the beginning of a training run: all of them, or all but the heads.
#pragma once

#include <fovea/program/training_parameters.hpp>
#include <fovea/program/weights.hpp>

#include <set>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

namespace detail {

// Keys of the layers that an output's values come from directly: the last layers of heads.
inline std::set<std::string, std::less<>> head_keys(graph_view g) {
    std::set<std::string, std::less<>> keys;
    for (const output_part& part : g.parts) {
        node_id i = part.value;
        while (g[i].kind != op::conv2d && g[i].kind != op::linear && g[i].inputs[0] >= 0)
            i = g[i].inputs[0];
        for_each_parameter(g, owner_of(g, i), [&](const parameter& p) { keys.insert(key_of(g, p).str()); });
    }
    return keys;
}

} // namespace detail

// Loads a checkpoint's weights by name, with options.rename and options.ignore_unexpected. With options.skip_heads the
// last layer of every output keeps the numbers that it has (an initializer's): for other classes or other boxes.
// Throws weights_error with every missing, unexpected and mis-shaped key; nothing changes then.
inline void load_pretrained(graph_view g, training_parameters& parameters, const state_dict& source,
                            const load_options& options) {
    const auto heads = options.skip_heads ? detail::head_keys(g) : std::set<std::string, std::less<>>();
    const state_dict before = parameters.state();
    state_dict weights;
    for (const tensor& entry : source) {
        tensor t = entry;
        for (const auto& [from, to] : options.rename)
            if (detail::has_prefix(t.name, from)) {
                t.name = to + t.name.substr(from.size());
                break;
            }
        if (heads.count(t.name) == 0 && (!options.ignore_unexpected || before.contains(t.name)))
            weights.insert(std::move(t));
    }
    for (const std::string& key : heads)
        weights.insert(before.at(key));
    parameters.load(weights);
}

} // namespace fovea
