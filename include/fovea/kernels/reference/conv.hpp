// Scalar reference convolution of one image, forward and backward: any kernel, stride, padding, dilation and
// groups.
#pragma once

#include <fovea/kernels/reference/map.hpp>
#include <fovea/math/out_size.hpp>

#include <vector>

namespace fovea::reference {

// Weights as torch has them: [out, in / groups, kernel height, kernel width].
template <class T>
using conv_weight = view<T, 4>;

inline shape conv_out_shape(shape in, int out_channels, const window& w) {
    return {out_size(in.height, w.kernel_height, w.stride_height, w.pad_top, w.pad_bottom, w.dilation),
            out_size(in.width, w.kernel_width, w.stride_width, w.pad_left, w.pad_right, w.dilation),
            out_channels};
}

namespace detail {

// Where one multiplication of a convolution takes place; `member` is the input channel within its group.
struct conv_product {
    int out_y, out_x, out_channel, in_y, in_x, in_channel, kernel_y, kernel_x, member;
};

// Calls visit(conv_product) for every product of the convolution that does not fall into the padding.
template <class Visit>
void for_each_product(shape in, shape out, const window& w, int groups, Visit visit) {
    const int members = in.channels / groups, outputs = out.channels / groups;
    for (int oy = 0; oy < out.height; ++oy)
        for (int ox = 0; ox < out.width; ++ox)
            for (int oc = 0; oc < out.channels; ++oc)
                for (int ky = 0; ky < w.kernel_height; ++ky)
                    for (int kx = 0; kx < w.kernel_width; ++kx) {
                        const int iy = first_row(w, oy) + ky * w.dilation,
                                  ix = first_column(w, ox) + kx * w.dilation;
                        if (!contains(in, iy, ix))
                            continue;
                        for (int m = 0; m < members; ++m)
                            visit(conv_product{oy, ox, oc, iy, ix, oc / outputs * members + m, ky, kx, m});
                    }
}

template <class T>
void check_conv(shape in, shape out, conv_weight<T> weight, std::size_t biases, const window& w, int groups) {
    require_shape("conv2d", conv_out_shape(in, static_cast<int>(weight.extent(0)), w), out);
    if (groups < 1 || in.channels % groups != 0 || out.channels % groups != 0)
        throw input_error("conv2d: " + std::to_string(groups) + " groups divide neither or only one of " +
                          std::to_string(in.channels) + " and " + std::to_string(out.channels) + " channels");
    if (weight.extent(1) != static_cast<std::size_t>(in.channels / groups) ||
        weight.extent(2) != static_cast<std::size_t>(w.kernel_height) ||
        weight.extent(3) != static_cast<std::size_t>(w.kernel_width))
        throw input_error(
            "conv2d: the weight does not have the shape [out, in / groups, kernel height, kernel width]");
    if (biases != 0 && biases != weight.extent(0))
        throw input_error("conv2d: expected " + std::to_string(weight.extent(0)) + " biases, got " +
                          std::to_string(biases));
}

} // namespace detail

// output = input (*) weight + bias, a cross-correlation. An empty bias is none. Throws input_error when
// shapes disagree or the output is empty.
template <class T>
void conv2d(map<const T> input, conv_weight<const T> weight, span<const T> bias, const window& w, int groups,
            map<T> output) {
    const shape in = shape_of(input), out = shape_of(output);
    detail::check_conv(in, out, weight, bias.size(), w, groups);
    std::vector<double> sums(output.size());
    const map<double> sum = make_map(sums.data(), out);
    for (std::size_t i = 0; i < sums.size() && !bias.empty(); ++i)
        sums[i] = static_cast<double>(bias[i % bias.size()]);
    detail::for_each_product(in, out, w, groups, [&](const detail::conv_product& p) {
        sum(p.out_y, p.out_x, p.out_channel) +=
            static_cast<double>(input(p.in_y, p.in_x, p.in_channel)) *
            static_cast<double>(weight(p.out_channel, p.member, p.kernel_y, p.kernel_x));
    });
    for (std::size_t i = 0; i < sums.size(); ++i)
        output.data()[i] = static_cast<T>(sums[i]);
}

// Gradient of a loss with respect to the input, from that with respect to the output. Overwrites
// input_gradient.
template <class T>
void conv2d_backward_input(map<const T> output_gradient, conv_weight<const T> weight, const window& w,
                           int groups, map<T> input_gradient) {
    const shape in = shape_of(input_gradient), out = shape_of(output_gradient);
    detail::check_conv(in, out, weight, 0, w, groups);
    std::vector<double> sums(input_gradient.size());
    const map<double> sum = make_map(sums.data(), in);
    detail::for_each_product(in, out, w, groups, [&](const detail::conv_product& p) {
        sum(p.in_y, p.in_x, p.in_channel) +=
            static_cast<double>(output_gradient(p.out_y, p.out_x, p.out_channel)) *
            static_cast<double>(weight(p.out_channel, p.member, p.kernel_y, p.kernel_x));
    });
    for (std::size_t i = 0; i < sums.size(); ++i)
        input_gradient.data()[i] = static_cast<T>(sums[i]);
}

// Adds one image's gradient with respect to the weight to weight_gradient.
template <class T>
void conv2d_backward_weight(map<const T> input, map<const T> output_gradient, const window& w, int groups,
                            conv_weight<T> weight_gradient) {
    const shape in = shape_of(input), out = shape_of(output_gradient);
    detail::check_conv(in, out, weight_gradient, 0, w, groups);
    std::vector<double> sums(weight_gradient.size());
    const conv_weight<double> sum(sums.data(), weight_gradient.shape());
    detail::for_each_product(in, out, w, groups, [&](const detail::conv_product& p) {
        sum(p.out_channel, p.member, p.kernel_y, p.kernel_x) +=
            static_cast<double>(input(p.in_y, p.in_x, p.in_channel)) *
            static_cast<double>(output_gradient(p.out_y, p.out_x, p.out_channel));
    });
    for (std::size_t i = 0; i < sums.size(); ++i)
        weight_gradient.data()[i] += static_cast<T>(sums[i]);
}

// Adds one image's gradient with respect to the bias to bias_gradient: the sum over positions.
template <class T>
void conv2d_backward_bias(map<const T> output_gradient, span<T> bias_gradient) {
    std::vector<double> sums(bias_gradient.size());
    for (std::size_t i = 0; i < output_gradient.size(); ++i)
        sums[i % sums.size()] += static_cast<double>(output_gradient.data()[i]);
    for (std::size_t c = 0; c < sums.size(); ++c)
        bias_gradient[c] += static_cast<T>(sums[c]);
}

} // namespace fovea::reference
