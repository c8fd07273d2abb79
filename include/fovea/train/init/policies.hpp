// How the reference systems begin training each part of their networks, as tables from modules to
// initializers.
#pragma once

#include <fovea/tensor/view.hpp>
#include <fovea/train/init/initializer.hpp>

#include <string_view>

namespace fovea {

// Initializers of the layers below one module. Norm layers always begin with weight 1, bias 0 and running
// statistics 0 and 1.
struct module_initializers {
    std::string_view prefix{}; // as has_key_prefix() takes it; empty: everything
    initializer conv_weight{}, conv_bias{}, linear_weight{}, linear_bias{};
    bool keep = false; // parameters and buffers stay as they are: loaded before

    static constexpr module_initializers kept(std::string_view prefix) noexcept {
        module_initializers m;
        m.prefix = prefix;
        m.keep = true;
        return m;
    }
};

// The longest prefix that fits counts, of equal ones the last.
using initialization_policy = span<const module_initializers>;

namespace policies {

inline constexpr initializer zero = init::constant(0);

// torchvision MobileNetV2 and V3.
inline constexpr module_initializers mobilenet[] = {
    {{}, init::kaiming_normal(fan::out), zero, init::normal(0.01), zero},
};
// torchvision EfficientNet: linear layers uniform in +-1 / sqrt(outputs).
inline constexpr module_initializers efficientnet[] = {
    {{}, init::kaiming_normal(fan::out), zero, {distribution::uniform, 1, fan::out}, zero},
};
// torchvision SSDLite without a pretrained backbone: every convolution N(0, 0.03).
inline constexpr module_initializers ssdlite[] = {
    {{}, init::normal(0.03), zero, init::normal(0.01), zero},
};
// The same on a backbone whose weights have been loaded.
inline constexpr module_initializers ssdlite_pretrained[] = {
    ssdlite[0],
    module_initializers::kept("backbone.features"),
};
// torchvision SSD300: VGG's layers kaiming-normal, fc6, fc7 (extra.0.7), extra layers and heads
// Xavier-uniform.
inline constexpr module_initializers ssd300[] = {
    {{}, init::xavier_uniform(), zero, init::normal(0.01), zero},
    {"backbone.features", init::kaiming_normal(fan::out), zero, init::normal(0.01), zero},
    {"backbone.extra.0", init::kaiming_normal(fan::out), zero, init::normal(0.01), zero},
    {"backbone.extra.0.7", init::xavier_uniform(), zero, init::normal(0.01), zero},
};
// torch's own: what layers have that nobody initializes, e.g. the heads of LR-ASPP, DeepLabV3 and FCN.
inline constexpr module_initializers torch_default[] = {
    {{}, init::torch_default(), init::torch_default(), init::torch_default(), init::torch_default()},
};
// torchvision's segmentation networks on MobileNetV3: the backbone as mobilenet, heads torch's own.
inline constexpr module_initializers segmentation[] = {
    torch_default[0],
    {"backbone", init::kaiming_normal(fan::out), zero, init::normal(0.01), zero},
};
// torchvision Faster R-CNN on MobileNetV3: FPN kaiming-uniform with a = 1, RPN N(0, 0.01), box heads torch's
// own.
inline constexpr module_initializers faster_rcnn[] = {
    torch_default[0],
    {"backbone.body", init::kaiming_normal(fan::out), zero, init::normal(0.01), zero},
    {"backbone.fpn", init::kaiming_uniform(fan::in, 1), zero, zero, zero},
    {"rpn", init::normal(0.01), zero, zero, zero},
};
// zylo117 EfficientDet: every convolution N(0, 1 / sqrt(fan_in)); the class head's bias begins at a score of
// 0.01.
inline constexpr module_initializers zylo117[] = {
    {{}, init::variance_scaling(), zero, init::variance_scaling(), zero},
    {"classifier.header", init::variance_scaling(), init::constant(-4.59511985013459), // -log(99)
     init::variance_scaling(), init::constant(-4.59511985013459)},
};
// effdet (_init_weight in efficientdet.py, timm's _init_weight_goog), after google/automl: the backbone
// N(0, sqrt(2 / fan_out)) of one group, BiFPN Glorot-uniform, heads N(0, 1 / sqrt(fan_in)).
inline constexpr module_initializers effdet[] = {
    {{}, init::glorot_uniform(), zero, init::glorot_uniform(), zero},
    {"backbone", init::kaiming_normal(fan::group_out), zero, init::kaiming_normal(fan::group_out), zero},
    {"box_net", init::variance_scaling(), zero, init::variance_scaling(), zero},
    {"class_net", init::variance_scaling(), zero, init::variance_scaling(), zero},
    {"class_net.predict", init::variance_scaling(), init::constant(-4.59511985013459), // -log(99)
     init::variance_scaling(), init::constant(-4.59511985013459)},
};

} // namespace policies

} // namespace fovea
