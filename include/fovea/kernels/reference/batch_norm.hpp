// Scalar reference batch normalisation as inference uses it: an affine map a channel.
#pragma once

#include <fovea/kernels/reference/map.hpp>

#include <cmath>

namespace fovea::reference {

// Learned and running parameters of a batch norm, one a channel.
template <class T>
struct batch_norm_parameters {
    span<const T> weight, bias, running_mean, running_var;
    double epsilon = 1e-5;

    double scale(std::size_t channel) const {
        return static_cast<double>(weight[channel]) /
               std::sqrt(static_cast<double>(running_var[channel]) + epsilon);
    }
    double shift(std::size_t channel) const {
        return static_cast<double>(bias[channel]) -
               static_cast<double>(running_mean[channel]) * scale(channel);
    }
};

// output = (input - running_mean) / sqrt(running_var + epsilon) * weight + bias. Throws input_error when
// shapes disagree.
template <class T>
void batch_norm(map<const T> input, const batch_norm_parameters<T>& p, map<T> output) {
    require_shape("batch_norm", shape_of(input), shape_of(output));
    const std::size_t channels = input.extent(2);
    if (p.weight.size() != channels || p.bias.size() != channels || p.running_mean.size() != channels ||
        p.running_var.size() != channels)
        throw input_error("batch_norm: expected " + std::to_string(channels) + " values of each parameter");
    for (std::size_t i = 0; i < input.size(); ++i) {
        const std::size_t c = i % channels;
        output.data()[i] = static_cast<T>(static_cast<double>(input.data()[i]) * p.scale(c) + p.shift(c));
    }
}

} // namespace fovea::reference
