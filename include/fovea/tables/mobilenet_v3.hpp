// MobileNetV3's tables: inverted residual settings as torchvision/models/mobilenetv3.py (_mobilenet_v3_conf)
// has them.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/math/rounding.hpp>
#include <fovea/tables/classification_table.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea::tables {

// One block, in the field order of torchvision's InvertedResidualConfig. Channels before the width
// multiplier.
struct inverted_residual_v3 {
    int input, kernel, expanded, out;
    bool use_se;
    activation act;
    int stride;
    int dilation;
};

namespace rows {
inline constexpr activation RE = activation::relu;
inline constexpr activation HS = activation::hardswish;
} // namespace rows

// Howard et al. 2019, table 1.
inline constexpr inverted_residual_v3 mobilenet_v3_large_rows[] = {
    // in, k, exp, out, SE, activation, stride, dilation
    {16, 3, 16, 16, false, rows::RE, 1, 1},   {16, 3, 64, 24, false, rows::RE, 2, 1},
    {24, 3, 72, 24, false, rows::RE, 1, 1},   {24, 5, 72, 40, true, rows::RE, 2, 1},
    {40, 5, 120, 40, true, rows::RE, 1, 1},   {40, 5, 120, 40, true, rows::RE, 1, 1},
    {40, 3, 240, 80, false, rows::HS, 2, 1},  {80, 3, 200, 80, false, rows::HS, 1, 1},
    {80, 3, 184, 80, false, rows::HS, 1, 1},  {80, 3, 184, 80, false, rows::HS, 1, 1},
    {80, 3, 480, 112, true, rows::HS, 1, 1},  {112, 3, 672, 112, true, rows::HS, 1, 1},
    {112, 5, 672, 160, true, rows::HS, 2, 1}, {160, 5, 960, 160, true, rows::HS, 1, 1},
    {160, 5, 960, 160, true, rows::HS, 1, 1},
};

// Howard et al. 2019, table 2.
inline constexpr inverted_residual_v3 mobilenet_v3_small_rows[] = {
    // in, k, exp, out, SE, activation, stride, dilation
    {16, 3, 16, 16, true, rows::RE, 2, 1},  {16, 3, 72, 24, false, rows::RE, 2, 1},
    {24, 3, 88, 24, false, rows::RE, 1, 1}, {24, 5, 96, 40, true, rows::HS, 2, 1},
    {40, 5, 240, 40, true, rows::HS, 1, 1}, {40, 5, 240, 40, true, rows::HS, 1, 1},
    {40, 5, 120, 48, true, rows::HS, 1, 1}, {48, 5, 144, 48, true, rows::HS, 1, 1},
    {48, 5, 288, 96, true, rows::HS, 2, 1}, {96, 5, 576, 96, true, rows::HS, 1, 1},
    {96, 5, 576, 96, true, rows::HS, 1, 1},
};

// A MobileNetV3 variant. The with_ functions return a changed copy:
//     constexpr auto narrow = fovea::tables::mobilenet_v3_large.with_width(0.75).with_classes(10);
struct mobilenet_v3_table : classification_table<mobilenet_v3_table> {
    span<const inverted_residual_v3> rows{};
    int last_channel = 1280;   // of the classifier's hidden layer, before width and tail
    bool reduced_tail = false; // halves the channels from the last strided row on
    bool dilated = false;      // replaces the last stride by dilation 2
    float norm_epsilon = 1e-3F;
    float norm_momentum = 0.01F;

    constexpr mobilenet_v3_table with_reduced_tail(bool on = true) const noexcept {
        auto t = *this;
        t.reduced_tail = on;
        return t;
    }
    constexpr mobilenet_v3_table with_dilation(bool on = true) const noexcept {
        auto t = *this;
        t.dilated = on;
        return t;
    }
    constexpr mobilenet_v3_table with_rows(span<const inverted_residual_v3> settings,
                                           int hidden_channels = 1280) const noexcept {
        auto t = *this;
        t.rows = settings;
        t.last_channel = hidden_channels;
        return t;
    }
};

inline constexpr mobilenet_v3_table mobilenet_v3_large{{}, mobilenet_v3_large_rows, 1280};
inline constexpr mobilenet_v3_table mobilenet_v3_small{{}, mobilenet_v3_small_rows, 1024};

// Index of the last row with a stride: where C5, the tail, begins. -1 when no row strides.
constexpr int last_strided_row(const mobilenet_v3_table& t) noexcept {
    for (int i = static_cast<int>(t.rows.size()); i-- > 0;)
        if (t.rows[static_cast<std::size_t>(i)].stride > 1)
            return i;
    return -1;
}

// Channels after the width multiplier (InvertedResidualConfig.adjust_channels).
constexpr int adjust_channels(const mobilenet_v3_table& t, int channels) noexcept {
    return make_divisible(channels * t.width_mult);
}

// Row i as it is built: tail halved, dilation set, channels scaled. A dilated row keeps its configured
// stride, which still makes it the start of a stage although the convolution no longer strides.
constexpr inverted_residual_v3 adjusted_row(const mobilenet_v3_table& t, int i) noexcept {
    inverted_residual_v3 row = t.rows[static_cast<std::size_t>(i)];
    const int tail = last_strided_row(t);
    if (tail >= 0 && i >= tail) {
        const int divider = t.reduced_tail ? 2 : 1;
        row.out /= divider;
        if (i > tail) {
            row.input /= divider;
            row.expanded /= divider;
        }
        if (t.dilated)
            row.dilation = 2;
    }
    row.input = adjust_channels(t, row.input);
    row.expanded = adjust_channels(t, row.expanded);
    row.out = adjust_channels(t, row.out);
    return row;
}

// Channels of the classifier's hidden layer.
constexpr int adjusted_last_channel(const mobilenet_v3_table& t) noexcept {
    return adjust_channels(t, t.last_channel / (t.reduced_tail ? 2 : 1));
}

} // namespace fovea::tables
