// MBConv, the block of EfficientNet (Tan and Le 2019; torchvision/models/efficientnet.py MBConv), under the
// names of torchvision and of the ports.
#pragma once

#include <fovea/blocks/conv_norm.hpp>
#include <fovea/blocks/squeeze_excite.hpp>
#include <fovea/tables/efficientnet.hpp>

namespace fovea::blocks {

// Where the modules of a block are in the state dict, as name parts.
struct mbconv_names {
    conv_norm_names expand{}, depthwise{}, project{};
    squeeze_excite_names excite{};
    int drop = 0, add = 0;
};

// A block without its names. `expand` 1 leaves out the expansion, `squeeze` 0 squeeze-excite.
struct mbconv_settings {
    int expand = 6, kernel = 3, stride = 1, out = 0;
    int squeeze = 0; // channels of squeeze-excite's hidden layer
    bool tf_same = false;
    activation act = activation::silu;
    float epsilon = 1e-5F;
    float drop = 0; // probability that training leaves the block out, where it has a skip
};

// torchvision: under `name`.block, .0 expand (absent without expansion), depthwise, squeeze-excite (when
// used), project.
template <class Builder>
constexpr mbconv_names torchvision_mbconv(Builder& b, int name, const mbconv_settings& s) noexcept {
    const int block = b.child(name, "block");
    int layer = 0;
    const auto next = [&](bool active) {
        const int module = b.child(block, layer++);
        return conv_norm_names{b.child(module, 0), b.child(module, 1), active ? b.child(module, 2) : 0};
    };
    mbconv_names n;
    if (s.expand != 1)
        n.expand = next(true);
    n.depthwise = next(true);
    if (s.squeeze > 0)
        n.excite = fc_names(b, b.child(block, layer++));
    n.project = next(false);
    n.drop = b.child(name, "stochastic_depth");
    n.add = name;
    return n;
}

// efficientnet_pytorch's modules under `name`; with `nested` each convolution is the child .conv of its
// module (zylo117's Conv2dStaticSamePadding).
template <class Builder>
constexpr mbconv_names port_mbconv(Builder& b, int name, const mbconv_settings& s, bool nested) noexcept {
    const auto conv = [&](std::string_view label) {
        const int module = b.child(name, label);
        return nested ? b.child(module, "conv") : module;
    };
    const int swish = b.child(name, "_swish");
    mbconv_names n;
    if (s.expand != 1)
        n.expand = {conv("_expand_conv"), b.child(name, "_bn0"), swish};
    n.depthwise = {conv("_depthwise_conv"), b.child(name, "_bn1"), swish};
    if (s.squeeze > 0)
        n.excite = {name, conv("_se_reduce"), swish, conv("_se_expand"), name, name};
    n.project = {conv("_project_conv"), b.child(name, "_bn2"), 0};
    n.drop = n.add = name;
    return n;
}

// timm's InvertedResidual and, without expansion, DepthwiseSeparableConv, whose modules have other names.
template <class Builder>
constexpr mbconv_names timm_mbconv(Builder& b, int name, const mbconv_settings& s) noexcept {
    const auto modules = [&](std::string_view conv, std::string_view norm) {
        const int module = b.child(name, norm);
        return conv_norm_names{b.child(name, conv), module, b.child(module, "act")};
    };
    mbconv_names n;
    if (s.expand != 1)
        n.expand = modules("conv_pw", "bn1");
    n.depthwise = s.expand != 1 ? modules("conv_dw", "bn2") : modules("conv_dw", "bn1");
    if (s.squeeze > 0) {
        const int se = b.child(name, "se");
        n.excite = {se,
                    b.child(se, "conv_reduce"),
                    b.child(se, "act1"),
                    b.child(se, "conv_expand"),
                    b.child(se, "gate"),
                    se};
    }
    n.project = s.expand != 1 ? modules("conv_pwl", "bn3") : modules("conv_pw", "bn2");
    n.drop = b.child(name, "drop_path");
    n.add = name;
    return n;
}

template <class Builder>
constexpr mbconv_names name_mbconv(Builder& b, int name, const mbconv_settings& s,
                                   tables::efficientnet_names scheme) noexcept {
    switch (scheme) {
    case tables::efficientnet_names::port:
    case tables::efficientnet_names::zylo117:
        return port_mbconv(b, name, s, scheme == tables::efficientnet_names::zylo117);
    case tables::efficientnet_names::timm:
        return timm_mbconv(b, name, s);
    case tables::efficientnet_names::torchvision:
        break;
    }
    return torchvision_mbconv(b, name, s);
}

// A square window padded as the table says.
constexpr window padded_window(bool tf_same, int kernel, int stride) noexcept {
    return tf_same ? window::same_tf(kernel, stride) : window::same(kernel, stride);
}

// Expand 1x1, depthwise, squeeze-excite with a sigmoid gate, project 1x1; a skip where stride and channels
// allow it.
template <class Builder>
constexpr node_id mbconv(Builder& b, node_id x, const mbconv_names& names,
                         const mbconv_settings& s) noexcept {
    const node_id input = x;
    const int hidden = s.expand * b.channels(x);
    if (s.expand != 1)
        x = conv_norm_activation(b, x, names.expand, hidden, window{}, 1, s.epsilon, s.act);
    x = conv_norm_activation(b, x, names.depthwise, hidden, padded_window(s.tf_same, s.kernel, s.stride),
                             hidden, s.epsilon, s.act);
    if (s.squeeze > 0)
        x = squeeze_excite(b, x, names.excite, s.squeeze, s.act, activation::sigmoid);
    x = conv_norm_activation(b, x, names.project, s.out, window{}, 1, s.epsilon, activation::identity);
    if (s.stride != 1 || b.channels(input) != s.out)
        return x;
    if (s.drop > 0)
        x = b.stochastic_depth(x, names.drop, s.drop);
    return b.add(x, input, names.add);
}

} // namespace fovea::blocks
