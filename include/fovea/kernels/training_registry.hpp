// The one list of training kernels: which forward/backward pair runs a step, and the pair behind each name.
#pragma once

#include <fovea/kernels/training/convolutions.hpp>
#include <fovea/kernels/training/dropout.hpp>
#include <fovea/kernels/training/elementwise.hpp>
#include <fovea/kernels/training/global_pool.hpp>
#include <fovea/kernels/training/norm.hpp>
#include <fovea/kernels/training/resize.hpp>
#include <fovea/kernels/training/weighted_sum.hpp>
#include <fovea/kernels/training/window_pool.hpp>

namespace fovea {

// Convolutions come first, numbered as training_conv_id has them.
enum class training_kernel_id : unsigned char {
    norm = training_conv_count,
    elementwise,
    scale,
    global_average_pool,
    dropout,
    max_pool,
    avg_pool,
    resize,
    weighted_sum,
};
inline constexpr int training_kernel_count = training_conv_count + 9;

// The pair for node `i` of a graph: the same for every input size and batch.
constexpr training_kernel_id select_training_kernel(graph_view g, node_id i) noexcept {
    using id = training_kernel_id;
    switch (g[i].kind) {
    case op::conv2d:
    case op::linear:
        return static_cast<id>(select_training_conv(g, i));
    case op::batch_norm:
    case op::group_norm:
        return id::norm;
    case op::scale:
        return id::scale;
    case op::global_average_pool:
        return id::global_average_pool;
    case op::dropout:
    case op::stochastic_depth:
        return id::dropout;
    case op::max_pool:
        return id::max_pool;
    case op::avg_pool:
        return id::avg_pool;
    case op::resize:
        return id::resize;
    case op::weighted_sum:
        return id::weighted_sum;
    default:
        return id::elementwise;
    }
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// The pair behind an id; only the kernels that a program names are compiled into it.
template <training_kernel_id Id>
constexpr training_kernel training_kernel_for() noexcept {
    using id = training_kernel_id;
    if constexpr (static_cast<int>(Id) < training_conv_count)
        return training_conv_for<static_cast<training_conv_id>(Id)>();
    else if constexpr (Id == id::norm)
        return training_pair<training_norm_kernel>();
    else if constexpr (Id == id::scale)
        return training_pair<training_scale_kernel>();
    else if constexpr (Id == id::global_average_pool)
        return training_pair<training_global_average_pool_kernel>();
    else if constexpr (Id == id::dropout)
        return training_pair<training_dropout_kernel>();
    else if constexpr (Id == id::max_pool)
        return training_pair<training_window_pool_kernel<kernel_detail::max_pool_gradient>>();
    else if constexpr (Id == id::avg_pool)
        return training_pair<training_window_pool_kernel<kernel_detail::avg_pool_gradient>>();
    else if constexpr (Id == id::resize)
        return training_pair<training_resize_kernel>();
    else if constexpr (Id == id::weighted_sum)
        return training_pair<training_weighted_sum_kernel>();
    else
        return training_pair<training_elementwise_kernel>();
}

FOVEA_ARCH_NAMESPACE_END
