// Each step's geometry from the graph, the shapes and the plan; at compile time for a model's constants, at
// run time for a network.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/kernels/layer.hpp>

namespace fovea {

// The window of node `i`, padded for the input that it has among `shapes` (by node).
constexpr window window_of(graph_view g, node_id i, span<const shape> shapes) noexcept {
    const shape& in = shapes[static_cast<std::size_t>(g[i].inputs[0])];
    return g[i].win.padded_for(in.height, in.width);
}

// One of a block's inner layers, whose map is as those inside the arena: channels padded.
constexpr inner_layer inner_layer_of(const stage& s, const window& win, shape out) noexcept {
    return {win, s.act, {out.height, out.width, out.channels, padded_channels(out.channels)}};
}

// Channels, windows and activations of a step: all that weight packing depends on.
constexpr layer layer_channels(graph_view g, const step& s) noexcept {
    const auto inner = [&](const stage& i) {
        return i.node < 0 ? inner_layer{} : inner_layer_of(i, g[i.node].win, {0, 0, g[i.node].out.channels});
    };
    layer l;
    l.act = s.act;
    l.in.channels = l.out.channels = g[s.input].out.channels;
    if (s.node >= 0) {
        l.win = g[s.node].win;
        l.groups = g[s.node].groups;
        l.border = g[s.node].border;
        l.resize = g[s.node].resize;
        l.epsilon = g[s.node].epsilon;
        l.factors = g[s.node].factors;
        l.summands = g[s.node].kind == op::weighted_sum ? count_summands(g[s.node]) : 0;
        l.out.channels = g[s.node].out.channels;
    }
    if (s.resized >= 0)
        l.resize = g[s.resized].resize;
    l.expand = inner(s.expand);
    l.depthwise = inner(s.depthwise);
    l.pools = s.pool >= 0;
    l.adds_expanded = s.adds_expanded;
    return l;
}

// The map of a value. Inside the arena channels are padded; the input and outputs are dense.
constexpr map_layout layout_of(shape s, const memory_place& p) noexcept {
    return {s.height, s.width, s.channels,
            p.where == place::arena ? padded_channels(s.channels) : s.channels};
}

// The whole geometry of a step. `shapes` and `places` by node.
constexpr layer layer_of(graph_view g, const step& s, span<const shape> shapes,
                         span<const memory_place> places) noexcept {
    const auto map = [&](node_id value) {
        return layout_of(shapes[static_cast<std::size_t>(value)], places[static_cast<std::size_t>(value)]);
    };
    const auto inner = [&](const stage& i) {
        return i.node < 0 ? inner_layer{}
                          : inner_layer_of(i, window_of(g, i.node, shapes),
                                           shapes[static_cast<std::size_t>(i.node)]);
    };
    layer l = layer_channels(g, s);
    if (s.node >= 0)
        l.win = window_of(g, s.node, shapes);
    l.expand = inner(s.expand);
    l.depthwise = inner(s.depthwise);
    l.in = l.out = map(s.input);
    if (s.resized >= 0)
        l.resized = map(s.residual);
    if (s.value >= 0)
        l.out = map(s.value);
    else
        l.out.stride = l.out.channels; // a copy to an output
    return l;
}

} // namespace fovea
