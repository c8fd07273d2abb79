// Multiply-accumulate operations, from the graph's shapes.
#pragma once

#include <fovea/graph/fuse.hpp>

#include <cstdint>

namespace fovea {

// MACs of one node for one image: convolutions and linear layers only, biases not counted (as fvcore and
// torchvision do).
constexpr std::int64_t count_macs(const node& n, shape in, shape out) noexcept {
    if (n.kind == op::linear)
        return static_cast<std::int64_t>(in.channels) * out.channels;
    if (n.kind != op::conv2d)
        return 0;
    const std::int64_t each =
        static_cast<std::int64_t>(in.channels / n.groups) * n.win.kernel_height * n.win.kernel_width;
    return static_cast<std::int64_t>(out.size()) * each;
}

// MACs of node i for one image of the graph's own input size.
constexpr std::int64_t count_macs(graph_view g, node_id i) noexcept {
    return g[i].inputs[0] < 0 ? 0 : count_macs(g[i], g[g[i].inputs[0]].out, g[i].out);
}

// MACs of the whole graph, likewise.
constexpr std::int64_t count_macs(graph_view g) noexcept {
    std::int64_t total = 0;
    for (node_id i = 0; i < g.size(); ++i)
        total += count_macs(g, i);
    return total;
}

// MACs of the nodes that a step computes, for one image of the graph's own input size.
constexpr std::int64_t count_macs(graph_view g, const step& s) noexcept {
    std::int64_t total = 0;
    for (node_id i : {s.expand.node, s.depthwise.node, s.node})
        total += i < 0 ? 0 : count_macs(g, i);
    return total;
}

} // namespace fovea
