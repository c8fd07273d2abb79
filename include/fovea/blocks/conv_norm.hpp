// The block under every other: convolution, batch-norm, activation (torchvision Conv2dNormActivation).
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea::blocks {

// Where the modules of a convolution and what follows it are in the state dict, as name parts.
struct conv_norm_names {
    int conv = 0, norm = 0, act = 0;
};

// A convolution without bias, batch-norm and, unless it is the identity, the activation.
template <class Builder>
constexpr node_id conv_norm_activation(Builder& b, node_id x, const conv_norm_names& names, int out_channels,
                                       const window& win, int groups, float epsilon,
                                       activation act) noexcept {
    x = b.conv2d(x, names.conv, out_channels, win, groups);
    x = b.batch_norm(x, names.norm, epsilon);
    return act == activation::identity ? x : b.activate(x, names.act, act);
}

// Children of `name`: .0 convolution, .1 batch-norm, .2 activation (absent for identity).
template <class Builder>
constexpr node_id conv_norm_activation(Builder& b, node_id x, int name, int out_channels, const window& win,
                                       int groups, float epsilon, activation act) noexcept {
    conv_norm_names names{b.child(name, 0), b.child(name, 1)};
    if (act != activation::identity)
        names.act = b.child(name, 2);
    return conv_norm_activation(b, x, names, out_channels, win, groups, epsilon, act);
}

} // namespace fovea::blocks
