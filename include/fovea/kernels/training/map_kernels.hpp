// Which training kernel runs an operator that is no convolution.
#pragma once

#include <fovea/kernels/training/dropout.hpp>
#include <fovea/kernels/training/elementwise.hpp>
#include <fovea/kernels/training/global_pool.hpp>
#include <fovea/kernels/training/norm.hpp>
#include <fovea/kernels/training/resize.hpp>
#include <fovea/kernels/training/weighted_sum.hpp>
#include <fovea/kernels/training/window_pool.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// The pair for a step of this kind with an activation (of a norm, an addition or op::activate) and perhaps a
// second value: a residual, a summand or a gate. Only the kernels that are named are compiled. What the
// backward pass reads follows from all three.
template <op Kind>
constexpr training_kernel map_training_kernel(activation act = activation::identity,
                                              bool has_second = false) noexcept {
    training_kernel k;
    if constexpr (Kind == op::batch_norm || Kind == op::group_norm)
        k = training_norm_kernel::pair();
    else if constexpr (Kind == op::activate || Kind == op::add) {
        k = training_elementwise_kernel::pair();
        k.reads_input = act != activation::identity;
    } else if constexpr (Kind == op::scale)
        k = training_scale_kernel::pair();
    else if constexpr (Kind == op::global_average_pool)
        k = training_global_average_pool_kernel::pair();
    else if constexpr (Kind == op::dropout || Kind == op::stochastic_depth)
        k = training_dropout_kernel::pair();
    else if constexpr (Kind == op::max_pool)
        k = training_window_pool_kernel<kernel_detail::max_pool_gradient>::pair();
    else if constexpr (Kind == op::avg_pool)
        k = training_window_pool_kernel<kernel_detail::avg_pool_gradient>::pair();
    else if constexpr (Kind == op::weighted_sum)
        return training_weighted_sum_kernel::pair();
    else {
        static_assert(Kind == op::resize, "an operator of maps");
        k = training_resize_kernel::pair();
    }
    k.reads_second = has_second && (Kind == op::scale || act != activation::identity);
    return k;
}

FOVEA_ARCH_NAMESPACE_END
