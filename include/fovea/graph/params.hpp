// Parameters, from the graph: the state-dict keys and shapes of every node, and the counts that follow.
#pragma once

#include <fovea/graph/graph.hpp>

#include <cstdint>

namespace fovea {

enum class parameter_kind : unsigned char {
    weight,              // of a convolution [out, in / groups, kh, kw] or a linear layer [out, in]
    bias,                // [out]
    norm_weight,         // gamma [channels]
    norm_bias,           // beta [channels]
    sum_weight,          // of a weighted sum [maps]
    running_mean,        // buffer [channels]
    running_var,         // buffer [channels]
    num_batches_tracked, // buffer, scalar int64
};

constexpr bool is_buffer(parameter_kind k) noexcept {
    return k >= parameter_kind::running_mean;
}

// The last component of the state-dict key; empty: the key is the node's name.
constexpr std::string_view suffix_of(parameter_kind k) noexcept {
    constexpr std::string_view suffixes[] = {
        "weight", "bias", "weight", "bias", "", "running_mean", "running_var", "num_batches_tracked"};
    return suffixes[static_cast<int>(k)];
}

// Dimensions of a parameter; rank 0 is a scalar.
struct parameter_shape {
    std::array<int, 4> extents{};
    int rank = 0;

    constexpr std::int64_t size() const noexcept {
        std::int64_t n = 1;
        for (int i = 0; i < rank; ++i)
            n *= extents[static_cast<std::size_t>(i)];
        return n;
    }
};

struct parameter {
    node_id owner = -1;
    parameter_kind kind = parameter_kind::weight;
    parameter_shape dims{};
};

// The node whose parameters node i uses: mostly itself.
constexpr node_id owner_of(graph_view g, node_id i) noexcept {
    return g[i].shares < 0 ? i : g[i].shares;
}

// Maps that a weighted sum adds up.
constexpr int count_summands(const node& n) noexcept {
    return n.inputs[2] < 0 ? 2 : 3;
}

// Calls visit(parameter) for the parameters and buffers that node i owns, in torch's order.
template <class Visit>
constexpr void for_each_parameter(graph_view g, node_id i, Visit&& visit) {
    const node& n = g[i];
    if (n.shares >= 0)
        return;
    const int in = n.inputs[0] < 0 ? 0 : g[n.inputs[0]].out.channels;
    const int out = n.out.channels;
    if (n.kind == op::conv2d)
        visit(parameter{
            i, parameter_kind::weight, {{out, in / n.groups, n.win.kernel_height, n.win.kernel_width}, 4}});
    if (n.kind == op::linear)
        visit(parameter{i, parameter_kind::weight, {{out, in}, 2}});
    if (n.bias)
        visit(parameter{i, parameter_kind::bias, {{out}, 1}});
    if (n.weighted)
        visit(parameter{i, parameter_kind::sum_weight, {{count_summands(n)}, 1}});
    if (n.kind == op::batch_norm || n.kind == op::group_norm) {
        visit(parameter{i, parameter_kind::norm_weight, {{out}, 1}});
        visit(parameter{i, parameter_kind::norm_bias, {{out}, 1}});
    }
    if (n.kind == op::batch_norm) {
        visit(parameter{i, parameter_kind::running_mean, {{out}, 1}});
        visit(parameter{i, parameter_kind::running_var, {{out}, 1}});
        visit(parameter{i, parameter_kind::num_batches_tracked, {}});
    }
}

template <class Visit>
constexpr void for_each_parameter(graph_view g, Visit&& visit) {
    for (node_id i = 0; i < g.size(); ++i)
        for_each_parameter(g, i, visit);
}

// The state-dict key, for example "features.0.1.running_var".
constexpr fixed_name key_of(graph_view g, const parameter& p) noexcept {
    return full_name(g.names, g[p.owner].name, suffix_of(p.kind));
}

// Learnable numbers, as torch counts them: without buffers.
constexpr std::int64_t count_parameters(graph_view g) {
    std::int64_t count = 0;
    for_each_parameter(g, [&](const parameter& p) { count += is_buffer(p.kind) ? 0 : p.dims.size(); });
    return count;
}

// Entries of the state dict, buffers included.
constexpr int count_state_entries(graph_view g) {
    int count = 0;
    for_each_parameter(g, [&](const parameter&) { ++count; });
    return count;
}

} // namespace fovea
