// The one list of kernels: which kernel runs a step, and the kernel behind each name of the list.
#pragma once

#include <fovea/graph/fuse_blocks.hpp>
#include <fovea/kernels/general_conv.hpp>
#include <fovea/kernels/simd/block.hpp>
#include <fovea/kernels/simd/dense_conv.hpp>
#include <fovea/kernels/simd/depthwise_any.hpp>
#include <fovea/kernels/simd/elementwise.hpp>
#include <fovea/kernels/simd/group_norm.hpp>
#include <fovea/kernels/simd/linear.hpp>
#include <fovea/kernels/simd/pointwise.hpp>
#include <fovea/kernels/simd/pooling.hpp>
#include <fovea/kernels/simd/resize.hpp>
#include <fovea/kernels/simd/stem.hpp>
#include <fovea/kernels/simd/weighted_sum.hpp>
#include <fovea/kernels/simd/window_pool.hpp>
#include <fovea/kernels/simd/winograd.hpp>

namespace fovea {

enum class kernel_id : unsigned char {
    depthwise_3x3, // these four with or without expansion, projection and pool
    depthwise_3x3_stride_2,
    depthwise_5x5,
    depthwise_5x5_stride_2,
    stem_depthwise_3x3, // behind the network's first convolution
    stem_depthwise_3x3_stride_2,
    pointwise,
    linear,
    stem,
    stem_3x3_stride_2,
    winograd,
    dense_conv,
    depthwise_any,
    general_conv,
    global_average_pool,
    max_pool,
    avg_pool,
    resize,
    elementwise,
    copy,
    group_norm,
    weighted_sum,
};
inline constexpr int kernel_count = 22;

namespace detail {

// The kernel of a depthwise convolution and what is fused to it, by its window.
constexpr kernel_id select_depthwise(const window& w, bool behind_stem) noexcept {
    if (behind_stem)
        return w.stride_width == 1 ? kernel_id::stem_depthwise_3x3 : kernel_id::stem_depthwise_3x3_stride_2;
    if (w.kernel_width == 3)
        return w.stride_width == 1 ? kernel_id::depthwise_3x3 : kernel_id::depthwise_3x3_stride_2;
    return w.stride_width == 1 ? kernel_id::depthwise_5x5 : kernel_id::depthwise_5x5_stride_2;
}

} // namespace detail

// The kernel for a step of a graph, by the operator and its shape at the graph's own input size: the same for
// every size that a network is planned for.
constexpr kernel_id select_kernel(graph_view g, const step& s) noexcept {
    if (s.node < 0)
        return kernel_id::copy;
    const node& n = g[s.node];
    const bool behind_stem = s.expand.node >= 0 && !g[s.expand.node].win.is_pointwise();
    if (s.depthwise.node >= 0)
        return detail::select_depthwise(g[s.depthwise.node].win, behind_stem);
    if (detail::is_block_depthwise(g, s))
        return detail::select_depthwise(n.win, behind_stem);
    switch (n.kind) {
    case op::linear:
        return kernel_id::linear;
    case op::batch_norm:
        return kernel_id::depthwise_any;
    case op::global_average_pool:
        return kernel_id::global_average_pool;
    case op::max_pool:
        return kernel_id::max_pool;
    case op::avg_pool:
        return kernel_id::avg_pool;
    case op::resize:
        return kernel_id::resize;
    case op::group_norm:
        return kernel_id::group_norm;
    case op::weighted_sum:
        return kernel_id::weighted_sum;
    case op::conv2d:
        break;
    default:
        return kernel_id::elementwise;
    }
    const window& w = n.win;
    const int taps = w.kernel_height * w.kernel_width;
    const shape in = g[n.inputs[0]].out;
    if (detail::is_matrix_product(n))
        return in.height * in.width == 1 ? kernel_id::linear : kernel_id::pointwise;
    if (n.groups == 1 && kernel_detail::is_stem(w, in.channels))
        return kernel_detail::is_3x3_stride_2_stem(w, in.channels) ? kernel_id::stem_3x3_stride_2
                                                                   : kernel_id::stem;
    if (n.groups == 1 && kernel_detail::is_winograd(w, in.channels, n.out.channels))
        return kernel_id::winograd;
    if (n.groups == 1 && taps <= kernel_detail::max_taps)
        return kernel_id::dense_conv;
    if (n.groups != n.out.channels || n.groups != in.channels)
        return kernel_id::general_conv;
    return kernel_id::depthwise_any;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

template <class Kernel>
constexpr kernel kernel_of(bool reads_bytes = false) noexcept {
    return {&Kernel::run, &Kernel::packed_floats, &Kernel::pack, &Kernel::scratch_floats, Kernel::name,
            reads_bytes};
}

} // namespace kernel_detail

// The kernel behind an id; only the kernels that a program names are compiled into it.
template <kernel_id Id>
constexpr kernel kernel_for() noexcept {
    using id = kernel_id;
    if constexpr (Id == id::depthwise_3x3)
        return kernel_detail::kernel_of<block_kernel<3, 1>>();
    else if constexpr (Id == id::depthwise_3x3_stride_2)
        return kernel_detail::kernel_of<block_kernel<3, 2>>();
    else if constexpr (Id == id::depthwise_5x5)
        return kernel_detail::kernel_of<block_kernel<5, 1>>();
    else if constexpr (Id == id::depthwise_5x5_stride_2)
        return kernel_detail::kernel_of<block_kernel<5, 2>>();
    else if constexpr (Id == id::stem_depthwise_3x3)
        return kernel_detail::kernel_of<block_kernel<3, 1, kernel_detail::stem_3x3_stride_2>>(true);
    else if constexpr (Id == id::stem_depthwise_3x3_stride_2)
        return kernel_detail::kernel_of<block_kernel<3, 2, kernel_detail::stem_3x3_stride_2>>(true);
    else if constexpr (Id == id::pointwise)
        return kernel_detail::kernel_of<pointwise_kernel>();
    else if constexpr (Id == id::linear)
        return kernel_detail::kernel_of<linear_kernel>();
    else if constexpr (Id == id::stem)
        return kernel_detail::kernel_of<stem_kernel<kernel_detail::any_stem>>(true);
    else if constexpr (Id == id::stem_3x3_stride_2)
        return kernel_detail::kernel_of<stem_kernel<kernel_detail::stem_3x3_stride_2>>(true);
    else if constexpr (Id == id::winograd)
        return kernel_detail::kernel_of<winograd_kernel>();
    else if constexpr (Id == id::dense_conv)
        return kernel_detail::kernel_of<dense_conv_kernel>();
    else if constexpr (Id == id::depthwise_any)
        return kernel_detail::kernel_of<depthwise_any_kernel>();
    else if constexpr (Id == id::general_conv)
        return kernel_detail::kernel_of<general_conv_kernel>();
    else if constexpr (Id == id::global_average_pool)
        return kernel_detail::kernel_of<global_average_pool_kernel>();
    else if constexpr (Id == id::max_pool)
        return kernel_detail::kernel_of<window_pool_kernel<kernel_detail::max_pooling>>();
    else if constexpr (Id == id::avg_pool)
        return kernel_detail::kernel_of<window_pool_kernel<kernel_detail::average_pooling>>();
    else if constexpr (Id == id::resize)
        return kernel_detail::kernel_of<resize_kernel>();
    else if constexpr (Id == id::group_norm)
        return kernel_detail::kernel_of<group_norm_kernel>();
    else if constexpr (Id == id::weighted_sum)
        return kernel_detail::kernel_of<weighted_sum_kernel>();
    else if constexpr (Id == id::elementwise)
        return kernel_detail::kernel_of<elementwise_kernel>();
    else
        return kernel_detail::kernel_of<copy_kernel>();
}

FOVEA_ARCH_NAMESPACE_END
