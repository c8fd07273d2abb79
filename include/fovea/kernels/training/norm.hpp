// Training of norms: batch-norm with the batch's or the running statistics, and group-norm, with the residual
// addition and the activation behind them.
#pragma once

#include <fovea/kernels/training/batch_statistics.hpp>
#include <fovea/kernels/training/group_statistics.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = f(norm(input) + second): torch.nn.BatchNorm2d in training mode (with operands.uses_running in
// evaluation mode, gamma and beta still learning) and torch.nn.GroupNorm. All maps have padded channels. The
// backward pass computes what is in front of the activation again, from the input. Each of the two gradients
// may lie over the output's, but not both.
struct training_norm_kernel : plain_training_kernel {
    static constexpr const char* name = "norm";

    static constexpr std::size_t saved_floats(const training_layer& l) noexcept {
        return kernel_detail::norm_memory(l).floats();
    }

    static void reduce(const training_layer& l, const training_operands& o, image_range images,
                       executor& ex) noexcept {
        if (l.kind != op::group_norm && o.uses_running)
            return;
        const kernel_detail::norm_memory memory(l, o.saved);
        const int stride = l.in.map.stride;
        kernel_detail::for_each_chunk(l.in.map, images, ex, [&](int image, int chunk, int first, int pixels) {
            float* const mean = memory.sums(image, chunk);
            const float* const input = kernel_detail::image_of(o.input, l.in, image);
            kernel_detail::channel_moments(input + static_cast<std::ptrdiff_t>(first) * stride, pixels,
                                           stride, mean, mean + stride);
        });
    }
    static void finish(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        if (l.kind == op::group_norm)
            kernel_detail::group_statistics(l, o).finish();
        else
            kernel_detail::batch_statistics(l, o).finish(ex);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        kernel_detail::with_activation(l.act, [&](auto f) {
            for_each_norm_chunk(l, o, images, ex, [&](const auto& chunk, const auto& channels, float*) {
                kernel_detail::normalize(chunk, channels, f);
            });
        });
    }

    static void reduce_backward(const training_layer& l, const training_operands& o, image_range images,
                                executor& ex) noexcept {
        const kernel_detail::batch_statistics batch(l, o);
        if (l.kind != op::group_norm && batch.are_frozen() && !batch.have_gradients())
            return;
        kernel_detail::with_activation(l.act, [&](auto f) {
            for_each_norm_chunk(l, o, images, ex, [&](const auto& chunk, const auto& channels, float* sums) {
                kernel_detail::sum_gradients(chunk, channels, f, sums, sums + l.in.map.stride);
            });
        });
    }
    static void finish_backward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        if (l.kind == op::group_norm)
            kernel_detail::group_statistics(l, o).finish_backward();
        else
            kernel_detail::batch_statistics(l, o).finish_backward(ex);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        kernel_detail::with_activation(l.act, [&](auto f) {
            for_each_norm_chunk(l, o, images, ex, [&](const auto& chunk, const auto& channels, float*) {
                kernel_detail::backpropagate(chunk, channels, f);
            });
        });
    }

private:
    // f(chunk, channels, the chunk's two sums) for every chunk of the range.
    template <class Function>
    static void for_each_norm_chunk(const training_layer& l, const training_operands& o, image_range images,
                                    executor& ex, const Function& f) noexcept {
        const kernel_detail::norm_memory memory(l, o.saved);
        const int stride = l.in.map.stride;
        kernel_detail::for_each_chunk(l.in.map, images, ex, [&](int image, int chunk, int first, int pixels) {
            const auto at = [&](auto* batch, const batch_layout& layout) {
                auto* const map = kernel_detail::image_of(batch, layout, image);
                return map == nullptr ? nullptr : map + static_cast<std::ptrdiff_t>(first) * stride;
            };
            f(kernel_detail::norm_chunk{pixels, stride, at(o.input, l.in), at(o.second, l.second),
                                        at(o.output, l.out), at(o.output_gradient, l.out),
                                        at(o.input_gradient, l.in), at(o.second_gradient, l.second),
                                        o.adds_input, o.adds_second},
              memory.channels(image), memory.sums(image, chunk));
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
