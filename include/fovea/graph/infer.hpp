// Shape inference: the output shape of a node from the shapes of its inputs, at compile time and at run time.
#pragma once

#include <fovea/graph/fault.hpp>
#include <fovea/graph/graph.hpp>
#include <fovea/math/out_size.hpp>

namespace fovea {

namespace detail {

// The map that a sliding window makes of `in`, with `channels`.
constexpr shape infer_window(const node& n, shape in, int channels, fault_report& f) noexcept {
    const window w = n.win.padded_for(in.height, in.width);
    const auto size = n.ceil_mode ? ceil_out_size<int> : out_size<int>;
    const int height = size(in.height, w.kernel_height, w.stride_height, w.pad_top, w.pad_bottom, w.dilation);
    const int width = size(in.width, w.kernel_width, w.stride_width, w.pad_left, w.pad_right, w.dilation);
    if (height < 1)
        f = {fault::empty_map, -1, in.height,
             w.dilation * (w.kernel_height - 1) + 1 - w.pad_top - w.pad_bottom};
    else if (width < 1)
        f = {fault::empty_map, -1, in.width,
             w.dilation * (w.kernel_width - 1) + 1 - w.pad_left - w.pad_right};
    return {height, width, channels};
}

constexpr shape infer_conv2d(const node& n, shape in, fault_report& f) noexcept {
    if (n.out.channels < 1)
        f = {fault::bad_channels, -1, n.out.channels, 1};
    else if (n.groups < 1 || in.channels % n.groups != 0 || n.out.channels % n.groups != 0)
        f = {fault::bad_groups, -1,
             in.channels % (n.groups < 1 ? 1 : n.groups) != 0 ? in.channels : n.out.channels, n.groups};
    return infer_window(n, in, n.out.channels, f);
}

// A pool's padding is at most half of its window, as torch wants it: a window then never sees padding only.
constexpr shape infer_pool(const node& n, shape in, fault_report& f) noexcept {
    const window w = n.win.padded_for(in.height, in.width);
    const int half_height = window_extent(w.kernel_height, w.dilation) / 2;
    const int half_width = window_extent(w.kernel_width, w.dilation) / 2;
    for (int pad : {w.pad_top, w.pad_bottom})
        if (pad < 0 || pad > half_height)
            f = {fault::pool_padding, -1, pad, half_height};
    for (int pad : {w.pad_left, w.pad_right})
        if (pad < 0 || pad > half_width)
            f = {fault::pool_padding, -1, pad, half_width};
    return f.kind == fault::none ? infer_window(n, in, in.channels, f) : shape{0, 0, in.channels};
}

// in * factor, rounded down; 0 for what is no such size.
constexpr int resized_side(int in, double factor) noexcept {
    const double side = in * factor;
    return side >= 0 && side < 2147483648.0 ? static_cast<int>(side) : 0;
}

constexpr shape infer_resize(const node& n, shape in, shape like, fault_report& f) noexcept {
    constexpr int largest_side = 1 << 15;
    shape out{n.out.height, n.out.width, in.channels};
    if (n.inputs[1] >= 0)
        out = {like.height, like.width, in.channels};
    else if (n.resize.height_factor > 0)
        out = {resized_side(in.height, n.resize.height_factor), resized_side(in.width, n.resize.width_factor),
               in.channels};
    for (int side : {out.height, out.width})
        if (side < 1 || side > largest_side)
            f = {fault::resize_size, -1, side, side < 1 ? 1 : largest_side};
    return out;
}

// The maps of a sum have one shape.
constexpr shape infer_sum(const node& n, const std::array<shape, 3>& in, fault_report& f) noexcept {
    for (std::size_t i = 1; i < in.size(); ++i)
        if (n.inputs[i] >= 0 && in[i] != in[0])
            f = {fault::shapes_differ, -1, static_cast<int>(in[i].size()), static_cast<int>(in[0].size())};
    return in[0];
}

} // namespace detail

// The shape that `n` makes of inputs of the given shapes. A convolution or linear layer keeps its own
// n.out.channels, a resize to a given size its height and width. A fault leaves f.kind set; the caller adds
// the node.
constexpr shape infer_shape(const node& n, const std::array<shape, 3>& in, fault_report& f) noexcept {
    const shape a = in[0], b = in[1];
    switch (n.kind) {
    case op::input:
        return n.out;
    case op::conv2d:
        return detail::infer_conv2d(n, a, f);
    case op::add:
    case op::weighted_sum:
        return detail::infer_sum(n, in, f);
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
    case op::max_pool:
    case op::avg_pool:
        return detail::infer_pool(n, a, f);
    case op::resize:
        return detail::infer_resize(n, a, b, f);
    case op::group_norm:
        if (n.groups < 1 || a.channels % n.groups != 0)
            f = {fault::bad_groups, -1, a.channels, n.groups};
        return a;
    case op::batch_norm:
    case op::activate:
    case op::dropout:
    case op::stochastic_depth:
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
                                  : infer_shape(n, {at(n.inputs[0]), at(n.inputs[1]), at(n.inputs[2])}, f);
        if (f.kind != fault::none) {
            f.node = i;
            return f;
        }
    }
    return f;
}

} // namespace fovea
