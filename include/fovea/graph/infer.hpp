// Shape inference: the output shape of a node from the shapes of its inputs, at compile time and at run time.
#pragma once

#include <fovea/graph/fault.hpp>
#include <fovea/graph/graph.hpp>
#include <fovea/math/out_size.hpp>

namespace fovea {

namespace detail {

constexpr shape infer_conv2d(const node& n, shape in, fault_report& f) noexcept {
    const window& w = n.win;
    if (n.out.channels < 1)
        f = {fault::bad_channels, -1, n.out.channels, 1};
    else if (n.groups < 1 || in.channels % n.groups != 0 || n.out.channels % n.groups != 0)
        f = {fault::bad_groups, -1,
             in.channels % (n.groups < 1 ? 1 : n.groups) != 0 ? in.channels : n.out.channels, n.groups};
    const int height =
        out_size(in.height, w.kernel_height, w.stride_height, w.pad_top, w.pad_bottom, w.dilation);
    const int width = out_size(in.width, w.kernel_width, w.stride_width, w.pad_left, w.pad_right, w.dilation);
    if (height < 1)
        f = {fault::empty_map, -1, in.height,
             w.dilation * (w.kernel_height - 1) + 1 - w.pad_top - w.pad_bottom};
    else if (width < 1)
        f = {fault::empty_map, -1, in.width,
             w.dilation * (w.kernel_width - 1) + 1 - w.pad_left - w.pad_right};
    return {height, width, n.out.channels};
}

} // namespace detail

// The shape that `n` makes of inputs shaped `a` and (for add and scale) `b`. A convolution or linear layer
// keeps its own n.out.channels. A fault leaves f.kind set; the caller adds the node.
constexpr shape infer_shape(const node& n, shape a, shape b, fault_report& f) noexcept {
    switch (n.kind) {
    case op::input:
        return n.out;
    case op::conv2d:
        return detail::infer_conv2d(n, a, f);
    case op::add:
        if (a != b)
            f = {fault::shapes_differ, -1, static_cast<int>(b.size()), static_cast<int>(a.size())};
        return a;
    case op::scale:
        if (b != shape{1, 1, a.channels})
            f = {fault::gate_shape, -1, b.channels, a.channels};
        return a;
    case op::global_average_pool:
        return {1, 1, a.channels};
    case op::linear:
        if (n.out.channels < 1)
            f = {fault::bad_channels, -1, n.out.channels, 1};
        if (a.height != 1 || a.width != 1)
            f = {fault::not_pooled, -1, a.height * a.width, 1};
        return {1, 1, n.out.channels};
    case op::batch_norm:
    case op::activate:
    case op::dropout:
        break;
    }
    return a;
}

// Shapes of every node for an input of height x width. `shapes` has one element a node. Returns the first
// fault.
template <class Shapes>
constexpr fault_report infer_shapes(graph_view g, int height, int width, Shapes& shapes) noexcept {
    fault_report f;
    for (node_id i = 0; i < g.size(); ++i) {
        const node& n = g[i];
        const auto at = [&](node_id input) {
            return input < 0 ? shape{} : shapes[static_cast<std::size_t>(input)];
        };
        shape& out = shapes[static_cast<std::size_t>(i)];
        out = n.kind == op::input ? shape{height, width, n.out.channels}
                                  : infer_shape(n, at(n.inputs[0]), at(n.inputs[1]), f);
        if (f.kind != fault::none) {
            f.node = i;
            return f;
        }
    }
    return f;
}

} // namespace fovea
