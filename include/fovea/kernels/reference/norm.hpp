// Scalar reference of norms in training: batch-norm by the batch's statistics and group-norm, with their
// gradients.
#pragma once

#include <fovea/kernels/reference/map.hpp>

#include <cmath>
#include <vector>

namespace fovea::reference {

// Rows of channels: the pixels of one map or of all maps of a batch.
template <class T>
using pixel_rows = view<T, 2>; // [pixels, channels]

struct mean_and_variance {
    double count = 0, mean = 0, variance = 0; // biased

    double unbiased_variance() const { return variance * count / (count - 1); }
    double inverse_std(double epsilon) const { return 1 / std::sqrt(variance + epsilon); }
};

// Of the numbers of channels [first, last) of all pixels.
template <class T>
mean_and_variance statistics_of(pixel_rows<const T> x, std::size_t first, std::size_t last) {
    mean_and_variance s;
    s.count = static_cast<double>(x.extent(0) * (last - first));
    for (std::size_t p = 0; p < x.extent(0); ++p)
        for (std::size_t c = first; c < last; ++c)
            s.mean += static_cast<double>(x(p, c)) / s.count;
    for (std::size_t p = 0; p < x.extent(0); ++p)
        for (std::size_t c = first; c < last; ++c)
            s.variance += std::pow(static_cast<double>(x(p, c)) - s.mean, 2) / s.count;
    return s;
}

// Gradients of a norm, each added to.
template <class T>
struct norm_gradients {
    pixel_rows<T> input;
    span<T> weight, bias;
};

namespace detail {

// output = (input - mean) * inverse_std * weight + bias over channels [first, last).
template <class T>
void normalize(pixel_rows<const T> input, const mean_and_variance& s, span<const T> weight,
               span<const T> bias, double epsilon, std::size_t first, std::size_t last,
               pixel_rows<T> output) {
    for (std::size_t p = 0; p < input.extent(0); ++p)
        for (std::size_t c = first; c < last; ++c)
            output(p, c) = static_cast<T>((static_cast<double>(input(p, c)) - s.mean) *
                                              s.inverse_std(epsilon) * static_cast<double>(weight[c]) +
                                          static_cast<double>(bias[c]));
}

// The gradients over channels [first, last). Unless the statistics are constants, the mean of the normalised
// input's gradient and its correlation with the normalised input go into them and are taken out.
template <class T>
void normalize_backward(pixel_rows<const T> input, const mean_and_variance& s, span<const T> weight,
                        double epsilon, std::size_t first, std::size_t last, bool constant,
                        pixel_rows<const T> output_gradient, const norm_gradients<T>& gradients) {
    const double inverse_std = s.inverse_std(epsilon);
    const auto normalized = [&](std::size_t p, std::size_t c) {
        return (static_cast<double>(input(p, c)) - s.mean) * inverse_std;
    };
    double sum = 0, product = 0;
    for (std::size_t c = first; c < last; ++c) {
        double of_weight = 0, of_bias = 0;
        for (std::size_t p = 0; p < input.extent(0); ++p) {
            of_weight += static_cast<double>(output_gradient(p, c)) * normalized(p, c);
            of_bias += static_cast<double>(output_gradient(p, c));
        }
        gradients.weight[c] += static_cast<T>(of_weight);
        gradients.bias[c] += static_cast<T>(of_bias);
        sum += of_bias * static_cast<double>(weight[c]);
        product += of_weight * static_cast<double>(weight[c]);
    }
    for (std::size_t p = 0; p < input.extent(0); ++p)
        for (std::size_t c = first; c < last; ++c) {
            double g = static_cast<double>(output_gradient(p, c)) * static_cast<double>(weight[c]);
            if (!constant)
                g -= (sum + product * normalized(p, c)) / s.count;
            gradients.input(p, c) += static_cast<T>(g * inverse_std);
        }
}

} // namespace detail

// torch.nn.BatchNorm2d in training mode over all pixels of a batch; statistics_of() each channel.
template <class T>
void batch_norm_training(pixel_rows<const T> input, span<const T> weight, span<const T> bias, double epsilon,
                         pixel_rows<T> output) {
    for (std::size_t c = 0; c < input.extent(1); ++c)
        detail::normalize(input, statistics_of(input, c, c + 1), weight, bias, epsilon, c, c + 1, output);
}

template <class T>
void batch_norm_training_backward(pixel_rows<const T> input, span<const T> weight, double epsilon,
                                  pixel_rows<const T> output_gradient, const norm_gradients<T>& gradients) {
    for (std::size_t c = 0; c < input.extent(1); ++c)
        detail::normalize_backward(input, statistics_of(input, c, c + 1), weight, epsilon, c, c + 1, false,
                                   output_gradient, gradients);
}

// The gradients of batch_norm(), whose statistics are constants.
template <class T>
void batch_norm_backward(pixel_rows<const T> input, span<const T> running_mean, span<const T> running_var,
                         span<const T> weight, double epsilon, pixel_rows<const T> output_gradient,
                         const norm_gradients<T>& gradients) {
    for (std::size_t c = 0; c < input.extent(1); ++c)
        detail::normalize_backward(input,
                                   {static_cast<double>(input.extent(0)),
                                    static_cast<double>(running_mean[c]),
                                    static_cast<double>(running_var[c])},
                                   weight, epsilon, c, c + 1, true, output_gradient, gradients);
}

// What running statistics become behind a batch: momentum in torch's sense, below 0 a cumulative average with
// `batches` batches before this one.
inline double next_running(double running, double batch, double momentum, double batches) {
    const double share = momentum < 0 ? 1 / (batches + 1) : momentum;
    return (1 - share) * running + share * batch;
}

// torch.nn.GroupNorm over the pixels of one image; groups divides the channels.
template <class T>
void group_norm(pixel_rows<const T> input, int groups, span<const T> weight, span<const T> bias,
                double epsilon, pixel_rows<T> output) {
    const std::size_t members = input.extent(1) / static_cast<std::size_t>(groups);
    for (std::size_t c = 0; c < input.extent(1); c += members)
        detail::normalize(input, statistics_of(input, c, c + members), weight, bias, epsilon, c, c + members,
                          output);
}

template <class T>
void group_norm_backward(pixel_rows<const T> input, int groups, span<const T> weight, double epsilon,
                         pixel_rows<const T> output_gradient, const norm_gradients<T>& gradients) {
    const std::size_t members = input.extent(1) / static_cast<std::size_t>(groups);
    for (std::size_t c = 0; c < input.extent(1); c += members)
        detail::normalize_backward(input, statistics_of(input, c, c + members), weight, epsilon, c,
                                   c + members, false, output_gradient, gradients);
}

} // namespace fovea::reference
