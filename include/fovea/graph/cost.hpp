// Multiply-accumulate operations, from the graph's shapes.
#pragma once

#include <fovea/graph/graph.hpp>

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

// MACs of the whole graph for one image of its own input size.
constexpr std::int64_t count_macs(graph_view g) noexcept {
    std::int64_t total = 0;
    for (const node& n : g.nodes)
        total += n.inputs[0] < 0 ? 0 : count_macs(n, g[n.inputs[0]].out, n.out);
    return total;
}

} // namespace fovea
