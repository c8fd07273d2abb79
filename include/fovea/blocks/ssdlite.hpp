// SSDLite's extra layers and prediction heads (torchvision/models/detection/ssdlite.py).
#pragma once

#include <fovea/blocks/conv_norm.hpp>

namespace fovea::blocks {

// 1x1 to half the channels, 3x3 depthwise stride 2, 1x1: one more, coarser level (_extra_block).
template <class Builder>
constexpr node_id extra_level(Builder& b, node_id x, int name, int out_channels, float epsilon) noexcept {
    const int half = out_channels / 2;
    x = conv_norm_activation(b, x, b.child(name, 0), half, window{}, 1, epsilon, activation::relu6);
    x = conv_norm_activation(b, x, b.child(name, 1), half, window::same(3, 2), half, epsilon,
                             activation::relu6);
    return conv_norm_activation(b, x, b.child(name, 2), out_channels, window{}, 1, epsilon,
                                activation::relu6);
}

// 3x3 depthwise with batch-norm and ReLU6, then a 1x1 convolution with bias (_prediction_block).
template <class Builder>
constexpr node_id prediction_head(Builder& b, node_id x, int name, int out_channels, float epsilon) noexcept {
    x = conv_norm_activation(b, x, b.child(name, 0), b.channels(x), window::same(3), b.channels(x), epsilon,
                             activation::relu6);
    return b.conv2d(x, b.child(name, 1), out_channels, window{}, 1, true);
}

} // namespace fovea::blocks
