// EfficientDet's separable convolution: a depthwise one without bias and a pointwise one, in the pyramid with
// a batch-norm behind it, in the heads shared by all levels (zylo117 SeparableConvBlock, effdet
// SeparableConv2d).
#pragma once

#include <fovea/blocks/mbconv.hpp>
#include <fovea/tables/efficientdet.hpp>

namespace fovea::blocks {

// Where the modules are in the state dict, as name parts.
struct separable_names {
    int depthwise = 0, pointwise = 0;
};

// The ports' names under `name`.
template <class Builder>
constexpr separable_names name_separable(Builder& b, int name, tables::efficientdet_names scheme) noexcept {
    if (scheme == tables::efficientdet_names::effdet)
        return {b.child(name, "conv_dw"), b.child(name, "conv_pw")};
    return {b.child(b.child(name, "depthwise_conv"), "conv"),
            b.child(b.child(name, "pointwise_conv"), "conv")};
}

// The two convolutions of a layer, for those that share their parameters.
struct separable_layer {
    node_id depthwise = -1, pointwise = -1;
};

template <class Builder>
constexpr separable_layer separable_conv(Builder& b, node_id x, const separable_names& names,
                                         int out_channels, bool tf_same, bool bias) noexcept {
    const node_id depthwise =
        b.conv2d(x, names.depthwise, b.channels(x), padded_window(tf_same, 3, 1), b.channels(x));
    return {depthwise, b.conv2d(depthwise, names.pointwise, out_channels, window{}, 1, bias)};
}

// The layer once more, on the map of another level.
template <class Builder>
constexpr node_id separable_conv_shared(Builder& b, node_id x, const separable_layer& like) noexcept {
    return b.conv2d_shared(b.conv2d_shared(x, like.depthwise), like.pointwise);
}

} // namespace fovea::blocks
