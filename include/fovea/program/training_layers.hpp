// Each training step's geometry over a batch, from the graph, the shapes and the plan; at compile time for a
// model's constants, at run time for a training network.
#pragma once

#include <fovea/graph/plan_training.hpp>
#include <fovea/kernels/training_kernel.hpp>
#include <fovea/program/layers.hpp>
#include <fovea/program/outputs.hpp>

namespace fovea {

// The maps of a value for the whole batch.
constexpr batch_layout batch_layout_of(graph_view g, span<const shape> shapes, node_id value,
                                       const memory_place& where) noexcept {
    batch_layout l;
    l.map = layout_of(shapes[static_cast<std::size_t>(value)], where);
    l.image_stride = static_cast<std::ptrdiff_t>(l.map.pixels()) * l.map.stride;
    if (where.where == place::output)
        l.image_stride = static_cast<std::ptrdiff_t>(
            output_floats(g, shapes, g.parts[static_cast<std::size_t>(where.part)].output));
    return l;
}

// The whole geometry of a step. `shapes` and `values` by node.
constexpr training_layer training_layer_of(graph_view g, const training_step& s, span<const shape> shapes,
                                           span<const memory_place> values, int images) noexcept {
    const auto layout = [&](node_id v) {
        return batch_layout_of(g, shapes, v, values[static_cast<std::size_t>(v)]);
    };
    const node& n = g[s.node];
    training_layer l;
    l.kind = n.kind;
    l.images = images;
    l.in = layout(s.input);
    if (s.second >= 0)
        l.second = layout(s.second);
    if (s.third >= 0)
        l.third = layout(s.third);
    l.out = layout(s.value);
    l.win = window_of(g, s.node, shapes);
    l.groups = n.groups;
    l.act = s.act;
    l.epsilon = n.epsilon;
    l.dropout = n.dropout;
    l.border = n.border;
    l.ceil_mode = n.ceil_mode;
    l.resize = n.resize;
    l.factors = n.factors;
    return l;
}

} // namespace fovea
