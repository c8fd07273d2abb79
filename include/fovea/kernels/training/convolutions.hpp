// Which training kernel runs a convolution or a linear layer.
#pragma once

#include <fovea/graph/graph.hpp>
#include <fovea/kernels/training/depthwise_any.hpp>
#include <fovea/kernels/training/general_conv.hpp>
#include <fovea/kernels/training/pointwise.hpp>
#include <fovea/kernels/training/stem.hpp>

namespace fovea {

enum class training_conv_id : unsigned char {
    pointwise, // and linear layers
    depthwise_3x3,
    depthwise_3x3_stride_2,
    depthwise_5x5,
    depthwise_5x5_stride_2,
    depthwise_any,
    stem_3x3_stride_2,
    general_conv,
};
inline constexpr int training_conv_count = 8;

namespace detail {

// Windows of 3 or 5 taps that begin at most inside their own reach.
constexpr bool is_square_depthwise(const window& w) noexcept {
    return w.kernel_height == w.kernel_width && (w.kernel_width == 3 || w.kernel_width == 5) &&
           w.stride_height == w.stride_width && w.stride_width <= 2 && w.dilation == 1 &&
           w.pad_top < w.kernel_height && w.pad_left < w.kernel_width;
}

} // namespace detail

// The kernel of node `i`, an op::conv2d or op::linear: the same for every input size and batch.
constexpr training_conv_id select_training_conv(graph_view g, node_id i) noexcept {
    const node& n = g[i];
    const window& w = n.win;
    const int in = g[n.inputs[0]].out.channels, out = n.out.channels;
    if (n.kind == op::linear || (n.groups == 1 && w.is_pointwise()))
        return training_conv_id::pointwise;
    if (n.groups == in && n.groups == out && n.groups > 1) {
        if (!detail::is_square_depthwise(w))
            return training_conv_id::depthwise_any;
        if (w.kernel_width == 3)
            return w.stride_width == 1 ? training_conv_id::depthwise_3x3
                                       : training_conv_id::depthwise_3x3_stride_2;
        return w.stride_width == 1 ? training_conv_id::depthwise_5x5
                                   : training_conv_id::depthwise_5x5_stride_2;
    }
    if (n.groups == 1 && out % channel_multiple == 0 && w.stride_height == 2 &&
        kernel_detail::is_3x3_stride_2_stem(w, in))
        return training_conv_id::stem_3x3_stride_2;
    return training_conv_id::general_conv;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// The kernel behind an id; only the kernels that a program names are compiled into it.
template <training_conv_id Id>
constexpr training_kernel training_conv_for() noexcept {
    using id = training_conv_id;
    if constexpr (Id == id::pointwise)
        return training_pair<training_pointwise_kernel>();
    else if constexpr (Id == id::depthwise_3x3)
        return training_pair<training_depthwise_kernel<3, 1>>();
    else if constexpr (Id == id::depthwise_3x3_stride_2)
        return training_pair<training_depthwise_kernel<3, 2>>();
    else if constexpr (Id == id::depthwise_5x5)
        return training_pair<training_depthwise_kernel<5, 1>>();
    else if constexpr (Id == id::depthwise_5x5_stride_2)
        return training_pair<training_depthwise_kernel<5, 2>>();
    else if constexpr (Id == id::depthwise_any)
        return training_pair<training_depthwise_any_kernel>();
    else if constexpr (Id == id::stem_3x3_stride_2)
        return training_pair<training_stem_kernel<kernel_detail::stem_3x3_stride_2>>();
    else
        return training_pair<training_general_conv_kernel>();
}

FOVEA_ARCH_NAMESPACE_END
