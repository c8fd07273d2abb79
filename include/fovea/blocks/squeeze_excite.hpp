// Squeeze-and-excitation (Hu et al. 2018; torchvision.ops.SqueezeExcitation).
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea::blocks {

// Global mean -> fc1 -> act -> fc2 -> gate activation -> times x. fc1 and fc2 are 1x1 convolutions with bias.
template <class Builder>
constexpr node_id squeeze_excite(Builder& b, node_id x, int name, int squeeze_channels, activation act,
                                 activation gate_act) noexcept {
    const int channels = b.channels(x);
    node_id gate = b.global_average_pool(x, b.child(name, "avgpool"));
    gate = b.conv2d(gate, b.child(name, "fc1"), squeeze_channels, window{}, 1, true);
    gate = b.activate(gate, b.child(name, "activation"), act);
    gate = b.conv2d(gate, b.child(name, "fc2"), channels, window{}, 1, true);
    gate = b.activate(gate, b.child(name, "scale_activation"), gate_act);
    return b.scale(x, gate, name);
}

} // namespace fovea::blocks
