// Group-norm between its passes: the chunks' sums become those of each image and group of channels.
#pragma once

#include <fovea/kernels/training/norm_memory.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

class group_statistics {
public:
    group_statistics(const training_layer& l, const training_operands& o) noexcept
        : l_(l), o_(o), chunks_(l.in.map), memory_(l, o.saved), members_(l.in.map.channels / l.groups) {}

    void finish() const noexcept {
        for (int image = 0; image < l_.images; ++image) {
            clear_padding(l_, memory_.channels(image));
            for (int group = 0; group < l_.groups; ++group)
                finish_group(image, group * members_);
        }
    }
    void finish_backward() const noexcept {
        for (int image = 0; image < l_.images; ++image)
            for (int group = 0; group < l_.groups; ++group)
                finish_group_backward(image, group * members_);
    }

private:
    void finish_group(int image, int first) const noexcept {
        detail::moments all;
        for (int chunk = 0; chunk < chunks_.count(); ++chunk) {
            const float* const mean = memory_.sums(image, chunk);
            const float* const squares = mean + l_.in.map.stride;
            for (int c = first; c < first + members_; ++c)
                all.add(chunks_.size(chunk), static_cast<double>(mean[c]), static_cast<double>(squares[c]));
        }
        for (int c = first; c < first + members_; ++c)
            set_channel(l_, o_, memory_.channels(image), c, all.mean, all.variance());
    }
    void finish_group_backward(int image, int first) const noexcept {
        const norm_channels channels = memory_.channels(image);
        double group_sum = 0, group_product = 0;
        for (int c = first; c < first + members_; ++c) {
            double sum = 0, product = 0;
            for (int chunk = 0; chunk < chunks_.count(); ++chunk) {
                const float* const sums = memory_.sums(image, chunk) + c;
                sum += static_cast<double>(sums[0]);
                product += static_cast<double>(sums[l_.in.map.stride]);
            }
            add_parameter_gradients(o_, channels, c, sum, product);
            const double gamma = parameter_or(o_.weight, c, 1);
            group_sum += gamma * sum;
            group_product += gamma * product;
        }
        const double count = static_cast<double>(l_.in.map.pixels()) * members_;
        for (int c = first; c < first + members_; ++c)
            set_gradient(channels, c, group_sum, group_product, count);
    }

    const training_layer& l_;
    const training_operands& o_;
    detail::pixel_chunks chunks_;
    norm_memory memory_;
    int members_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
