// Where a norm keeps its numbers from the forward to the backward pass, and what follows from a channel's
// statistics.
#pragma once

#include <fovea/kernels/training/norm_passes.hpp>

#include <cmath>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Per-channel numbers (of the batch, or of each image for group-norm), behind them two sums [stride] for each
// chunk of each image.
class norm_memory {
public:
    constexpr explicit norm_memory(const training_layer& l, float* saved = nullptr) noexcept
        : saved_(saved), stride_(at(l.in.map.stride)), images_(at(l.images)),
          sets_(l.kind == op::group_norm ? images_ : 1), chunks_(at(detail::pixel_chunks(l.in.map).count())) {
    }

    constexpr std::size_t floats() const noexcept {
        return stride_ * (sets_ * norm_channels::arrays + images_ * chunks_ * 2);
    }
    norm_channels channels(int image) const noexcept {
        const std::size_t set = sets_ == 1 ? 0 : at(image);
        return {saved_ + set * norm_channels::arrays * stride_, static_cast<int>(stride_)};
    }
    // Two arrays, the second `stride` floats behind the first.
    float* sums(int image, int chunk) const noexcept {
        return saved_ + stride_ * (sets_ * norm_channels::arrays + (at(image) * chunks_ + at(chunk)) * 2);
    }

private:
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

    float* saved_;
    std::size_t stride_, images_, sets_, chunks_;
};

// A parameter as a double; 1 or 0 where the norm has none.
inline double parameter_or(const float* parameters, int c, double absent) noexcept {
    return parameters == nullptr ? absent : static_cast<double>(parameters[c]);
}

// A channel's numbers from mean and variance; the gradient's as long as the statistics are constants.
inline void set_channel(const training_layer& l, const training_operands& o, const norm_channels& n, int c,
                        double mean, double variance) noexcept {
    const double inverse_std = 1 / std::sqrt(variance + static_cast<double>(l.epsilon));
    const double scale = parameter_or(o.weight, c, 1) * inverse_std;
    n.scale[c] = static_cast<float>(scale);
    n.shift[c] = static_cast<float>(parameter_or(o.bias, c, 0) - mean * scale);
    n.mean[c] = static_cast<float>(mean);
    n.inverse_std[c] = static_cast<float>(inverse_std);
    n.slope[c] = n.offset[c] = 0;
}

// Padding channels become zero.
inline void clear_padding(const training_layer& l, const norm_channels& n) noexcept {
    for (float* numbers : {n.scale, n.shift, n.mean, n.inverse_std, n.slope, n.offset})
        std::fill(numbers + l.in.map.channels, numbers + l.in.map.stride, 0.0F);
}

// The gradient's part that goes through statistics of `count` numbers. sum, product: over them, of the
// normalised output's gradient and of its product with x - mean.
inline void set_gradient(const norm_channels& n, int c, double sum, double product, double count) noexcept {
    const double inverse_std = static_cast<double>(n.inverse_std[c]);
    const double slope = -inverse_std * inverse_std * inverse_std * product / count;
    n.slope[c] = static_cast<float>(slope);
    n.offset[c] = static_cast<float>(-inverse_std * sum / count - slope * static_cast<double>(n.mean[c]));
}

// Adds what a channel's sums give for gamma and beta, where they learn.
inline void add_parameter_gradients(const training_operands& o, const norm_channels& n, int c, double sum,
                                    double product) noexcept {
    if (o.weight_gradient != nullptr)
        o.weight_gradient[c] += static_cast<float>(product * static_cast<double>(n.inverse_std[c]));
    if (o.bias_gradient != nullptr)
        o.bias_gradient[c] += static_cast<float>(sum);
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
