// Initializers: how the first values of one weight or bias are drawn, as torch.nn.init, Caffe and MXNet name
// them.
#pragma once

#include <fovea/error.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/math/sqrt.hpp>
#include <fovea/train/random.hpp>

#include <cmath>
#include <cstdint>
#include <string>

namespace fovea {

// Inputs and outputs of one output or input of a layer, as torch counts them: [out, in / groups, kh, kw] has
// in / groups * kh * kw and out * kh * kw, groups or not.
struct layer_fans {
    std::int64_t in = 1, out = 1, groups = 1;
};

// Of a weight of two or four dimensions.
constexpr layer_fans fans_of(const parameter_shape& weight, std::int64_t groups = 1) noexcept {
    std::int64_t field = 1;
    for (int i = 2; i < weight.rank; ++i)
        field *= weight.extents[static_cast<std::size_t>(i)];
    return {weight.extents[1] * field, weight.extents[0] * field, groups};
}

// The fan that a spread is divided by the square root of. group_out and group_sum count the outputs of one
// group, as TensorFlow's initializers of depthwise convolutions do.
enum class fan : unsigned char { none, in, out, sum, group_out, group_sum };

enum class distribution : unsigned char {
    constant,         // the value
    normal,           // mean 0, the value as standard deviation
    uniform,          // from -value to value
    truncated_normal, // mean 0, the value as standard deviation; drawn again beyond the cut
};

// A distribution and its spread: value / sqrt(fan).
struct initializer {
    distribution shape = distribution::constant;
    double value = 0;
    fan scaled_by = fan::none;
    double cut = 2; // of truncated_normal, absolute

    // The standard deviation, half width or constant for a layer. Fans of 0 count as 1.
    double spread(layer_fans fans) const noexcept {
        const std::int64_t group_out = fans.groups < 1 ? fans.out : fans.out / fans.groups;
        const std::int64_t divisor = scaled_by == fan::in          ? fans.in
                                     : scaled_by == fan::out       ? fans.out
                                     : scaled_by == fan::sum       ? fans.in + fans.out
                                     : scaled_by == fan::group_out ? group_out
                                     : scaled_by == fan::group_sum ? fans.in + group_out
                                                                   : 1;
        return value / std::sqrt(static_cast<double>(divisor < 1 ? 1 : divisor));
    }
};

// torch.nn.init's and its modules'.
namespace init {

constexpr initializer constant(double value) noexcept {
    return {distribution::constant, value};
}
constexpr initializer normal(double std) noexcept {
    return {distribution::normal, std};
}
constexpr initializer uniform(double bound) noexcept {
    return {distribution::uniform, bound};
}
// Values beyond +-cut, an absolute number as in torch, are drawn again.
constexpr initializer truncated_normal(double std, double cut = 2) noexcept {
    return {distribution::truncated_normal, std, fan::none, cut};
}
// Gain of a rectifier whose negative slope is a.
constexpr initializer kaiming_normal(fan by = fan::in, double a = 0) noexcept {
    return {distribution::normal, constexpr_sqrt(2 / (1 + a * a)), by};
}
constexpr initializer kaiming_uniform(fan by = fan::in, double a = 0) noexcept {
    return {distribution::uniform, constexpr_sqrt(6 / (1 + a * a)), by};
}
constexpr initializer xavier_normal() noexcept {
    return {distribution::normal, constexpr_sqrt(2), fan::sum};
}
constexpr initializer xavier_uniform() noexcept {
    return {distribution::uniform, constexpr_sqrt(6), fan::sum};
}
// Bounds of 1 / sqrt(fan): what torch's convolutions and linear layers begin with, weights (kaiming_uniform
// with a = sqrt 5) and biases.
constexpr initializer torch_default() noexcept {
    return {distribution::uniform, 1, fan::in};
}
// TensorFlow's glorot_uniform, of one group: what Keras' convolutions begin with.
constexpr initializer glorot_uniform() noexcept {
    return {distribution::uniform, constexpr_sqrt(6), fan::group_sum};
}
// Standard deviation 1 / sqrt(fan_in): zylo117's variance scaling.
constexpr initializer variance_scaling() noexcept {
    return {distribution::normal, 1, fan::in};
}
// Caffe's "xavier": uniform with variance 1 / fan_in. DSOD, ScratchDet.
constexpr initializer caffe_xavier() noexcept {
    return {distribution::uniform, constexpr_sqrt(3), fan::in};
}
// MXNet's Xavier("gaussian", "out", 2), with which GluonCV's SSD begins.
constexpr initializer mxnet_xavier() noexcept {
    return {distribution::normal, constexpr_sqrt(2), fan::out};
}

} // namespace init

// Fills one parameter from a stream. Throws input_error when the initializer's value is not finite, negative
// where it is a spread, or a truncated normal would keep less than about half of what it draws.
inline void fill(span<float> values, const initializer& how, layer_fans fans, random_stream& random) {
    const double spread = how.spread(fans);
    const bool constant = how.shape == distribution::constant;
    const bool truncated = how.shape == distribution::truncated_normal;
    if (!std::isfinite(spread) || (!constant && spread < 0) || (truncated && !(how.cut >= 0.7 * spread)))
        throw input_error(
            "initializer: expected a finite spread of at least 0 and a cut not far below it, found " +
            std::to_string(spread) + " and " + std::to_string(how.cut));
    for (float& v : values) {
        if (constant) {
            v = static_cast<float>(spread);
        } else if (how.shape == distribution::uniform) {
            v = static_cast<float>(random.uniform(-spread, spread));
        } else {
            double drawn = random.normal(0, spread);
            while (truncated && std::abs(drawn) > how.cut)
                drawn = random.normal(0, spread);
            v = static_cast<float>(drawn);
        }
    }
}

} // namespace fovea
