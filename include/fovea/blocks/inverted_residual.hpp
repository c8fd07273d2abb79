// The inverted residual blocks of MobileNetV2 and MobileNetV3.
#pragma once

#include <fovea/blocks/conv_norm.hpp>
#include <fovea/blocks/squeeze_excite.hpp>
#include <fovea/tables/mobilenet_v3.hpp>

namespace fovea::blocks {

// MobileNetV2 (torchvision/models/mobilenetv2.py InvertedResidual). Names under `name`.conv: .0 expand, .1
// depthwise, .2 project convolution, .3 its batch-norm; without an expansion (t = 1) everything moves up by
// one.
template <class Builder>
constexpr node_id inverted_residual_v2(Builder& b, node_id x, int name, double t, int out, int stride,
                                       float epsilon) noexcept {
    const node_id input = x;
    const int conv = b.child(name, "conv");
    const int hidden = round_half_even(b.channels(x) * t);
    int layer = 0;
    if (t != 1)
        x = conv_norm_activation(b, x, b.child(conv, layer++), hidden, window{}, 1, epsilon,
                                 activation::relu6);
    x = conv_norm_activation(b, x, b.child(conv, layer++), hidden, window::same(3, stride), hidden, epsilon,
                             activation::relu6);
    x = b.conv2d(x, b.child(conv, layer++), out, window{});
    x = b.batch_norm(x, b.child(conv, layer), epsilon);
    const bool skips = stride == 1 && b.channels(input) == out;
    return skips ? b.add(input, x, name) : x;
}

// True when the block has a 1x1 expansion in front of its depthwise convolution.
constexpr bool expands(const tables::inverted_residual_v3& row) noexcept {
    return row.expanded != row.input;
}

// The 1x1 expansion of a MobileNetV3 block; child .0 of the block.
template <class Builder>
constexpr node_id expand_v3(Builder& b, node_id x, int name, const tables::inverted_residual_v3& row,
                            float epsilon) noexcept {
    return conv_norm_activation(b, x, name, row.expanded, window{}, 1, epsilon, row.act);
}

// What follows the expansion: depthwise, squeeze-excite, project. `first` is the index of the depthwise
// child.
template <class Builder>
constexpr node_id project_v3(Builder& b, node_id x, int name, int first,
                             const tables::inverted_residual_v3& row, float epsilon) noexcept {
    int layer = first;
    const int stride = row.dilation > 1 ? 1 : row.stride;
    x = conv_norm_activation(b, x, b.child(name, layer++), row.expanded,
                             window::same(row.kernel, stride, row.dilation), row.expanded, epsilon, row.act);
    if (row.use_se)
        x = squeeze_excite(b, x, b.child(name, layer++), make_divisible(row.expanded / 4), activation::relu,
                           activation::hardsigmoid);
    return conv_norm_activation(b, x, b.child(name, layer), row.out, window{}, 1, epsilon,
                                activation::identity);
}

// MobileNetV3 (torchvision/models/mobilenetv3.py InvertedResidual). Names under `name`.block: .0 expand
// (absent when expanded == input), depthwise, squeeze-excite (when used), project. Skips by the configured
// stride.
template <class Builder>
constexpr node_id inverted_residual_v3(Builder& b, node_id x, int name,
                                       const tables::inverted_residual_v3& row, float epsilon) noexcept {
    const node_id input = x;
    const int block = b.child(name, "block");
    if (expands(row))
        x = expand_v3(b, x, b.child(block, 0), row, epsilon);
    x = project_v3(b, x, block, expands(row) ? 1 : 0, row, epsilon);
    const bool skips = row.stride == 1 && row.input == row.out;
    return skips ? b.add(x, input, name) : x;
}

} // namespace fovea::blocks
