// Batch-norm between its passes: the chunks' sums become the batch's, images in ascending order.
#pragma once

#include <fovea/kernels/training/norm_memory.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

class batch_statistics {
public:
    batch_statistics(const training_layer& l, const training_operands& o) noexcept
        : l_(l), o_(o), chunks_(l.in.map), memory_(l, o.saved), channels_(memory_.channels(0)) {}

    // Whether the running statistics are what the batch is normalised by.
    bool are_frozen() const noexcept { return o_.uses_running; }
    bool have_gradients() const noexcept {
        return o_.weight_gradient != nullptr || o_.bias_gradient != nullptr;
    }

    void finish(executor& ex) const noexcept {
        clear_padding(l_, channels_);
        if (!are_frozen())
            return for_each_block(ex, [&](int first, int last) { finish_channels(first, last); });
        for (int c = 0; c < l_.in.map.channels; ++c)
            set_channel(l_, o_, channels_, c, static_cast<double>(o_.running_mean[c]),
                        static_cast<double>(o_.running_var[c]));
    }
    void finish_backward(executor& ex) const noexcept {
        if (!are_frozen() || have_gradients())
            for_each_block(ex, [&](int first, int last) { finish_channels_backward(first, last); });
    }

private:
    static constexpr int block = channel_multiple; // channels that go side by side

    // f(first channel, last channel) for blocks of channels.
    template <class Function>
    void for_each_block(executor& ex, const Function& f) const noexcept {
        const int channels = l_.in.map.channels, blocks = (channels + block - 1) / block;
        const std::int64_t rows = static_cast<std::int64_t>(l_.images) * chunks_.count();
        parallel_for(ex, workers_for_floats(rows * l_.in.map.stride * 4, ex), blocks,
                     [&](int b, int) { f(b * block, std::min(channels, (b + 1) * block)); });
    }
    // f(pixels, first sums, second sums) for every chunk of the batch, of the block that begins at `first`.
    template <class Function>
    FOVEA_INLINE void for_each_part(int first, const Function& f) const noexcept {
        for (int image = 0; image < l_.images; ++image)
            for (int chunk = 0; chunk < chunks_.count(); ++chunk) {
                const float* const sums = memory_.sums(image, chunk) + first;
                f(static_cast<double>(chunks_.size(chunk)), sums, sums + l_.in.map.stride);
            }
    }

    void finish_channels(int first, int last) const noexcept {
        double count = 0, mean[block] = {}, squares[block] = {};
        for_each_part(first, [&](double pixels, const float* part_mean, const float* part_squares) {
            const double all = count + pixels, share = pixels / all, spread = count * share;
            for (int i = 0; i < block; ++i) { // detail::moments, side by side
                const double difference = static_cast<double>(part_mean[i]) - mean[i];
                mean[i] += difference * share;
                squares[i] += static_cast<double>(part_squares[i]) + difference * difference * spread;
            }
            count = all;
        });
        for (int c = first; c < last; ++c) {
            set_channel(l_, o_, channels_, c, mean[c - first], squares[c - first] / count);
            follow(o_.running_mean, c, mean[c - first]);
            follow(o_.running_var, c, squares[c - first] / std::max(count - 1, 1.0)); // of a sample
        }
    }
    void follow(float* running, int c, double batch) const noexcept {
        if (running == nullptr)
            return;
        const double share = o_.momentum < 0 ? 1 / (o_.batches + 1) : static_cast<double>(o_.momentum);
        running[c] = static_cast<float>((1 - share) * static_cast<double>(running[c]) + share * batch);
    }

    void finish_channels_backward(int first, int last) const noexcept {
        double count = 0, sum[block] = {}, product[block] = {};
        for_each_part(first, [&](double pixels, const float* part_sum, const float* part_product) {
            count += pixels;
            for (int i = 0; i < block; ++i) {
                sum[i] += static_cast<double>(part_sum[i]);
                product[i] += static_cast<double>(part_product[i]);
            }
        });
        for (int c = first; c < last; ++c) {
            const double gamma = parameter_or(o_.weight, c, 1);
            add_parameter_gradients(o_, channels_, c, sum[c - first], product[c - first]);
            if (!are_frozen())
                set_gradient(channels_, c, gamma * sum[c - first], gamma * product[c - first], count);
        }
    }

    const training_layer& l_;
    const training_operands& o_;
    detail::pixel_chunks chunks_;
    norm_memory memory_;
    norm_channels channels_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
