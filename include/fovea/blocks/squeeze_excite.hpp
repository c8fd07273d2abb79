// Squeeze-and-excitation (Hu et al. 2018; torchvision.ops.SqueezeExcitation).
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea::blocks {

// Where the modules are in the state dict, as name parts.
struct squeeze_excite_names {
    int pool = 0, reduce = 0, act = 0, expand = 0, gate = 0, scale = 0;
};

// Global mean -> reduce -> act -> expand -> gate activation -> times x. Reduce and expand are 1x1
// convolutions with bias.
template <class Builder>
constexpr node_id squeeze_excite(Builder& b, node_id x, const squeeze_excite_names& names,
                                 int squeeze_channels, activation act, activation gate_act) noexcept {
    const int channels = b.channels(x);
    node_id gate = b.global_average_pool(x, names.pool);
    gate = b.conv2d(gate, names.reduce, squeeze_channels, window{}, 1, true);
    gate = b.activate(gate, names.act, act);
    gate = b.conv2d(gate, names.expand, channels, window{}, 1, true);
    gate = b.activate(gate, names.gate, gate_act);
    return b.scale(x, gate, names.scale);
}

// torchvision's names under `name`: fc1 reduces, fc2 expands.
template <class Builder>
constexpr squeeze_excite_names fc_names(Builder& b, int name) noexcept {
    return {b.child(name, "avgpool"),          b.child(name, "fc1"),
            b.child(name, "activation"),       b.child(name, "fc2"),
            b.child(name, "scale_activation"), name};
}

template <class Builder>
constexpr node_id squeeze_excite(Builder& b, node_id x, int name, int squeeze_channels, activation act,
                                 activation gate_act) noexcept {
    return squeeze_excite(b, x, fc_names(b, name), squeeze_channels, act, gate_act);
}

} // namespace fovea::blocks
