// The block under every other: convolution, batch-norm, activation (torchvision Conv2dNormActivation).
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea::blocks {

// Children of `name`: .0 convolution without bias, .1 batch-norm, .2 activation (absent for identity).
template <class Builder>
constexpr node_id conv_norm_activation(Builder& b, node_id x, int name, int out_channels, window win,
                                       int groups, float epsilon, activation act) noexcept {
    x = b.conv2d(x, b.child(name, 0), out_channels, win, groups);
    x = b.batch_norm(x, b.child(name, 1), epsilon);
    return act == activation::identity ? x : b.activate(x, b.child(name, 2), act);
}

} // namespace fovea::blocks
