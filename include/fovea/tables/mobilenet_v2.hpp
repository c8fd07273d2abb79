// MobileNetV2's table: inverted residual settings as torchvision/models/mobilenetv2.py has them.
#pragma once

#include <fovea/tables/classification_table.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea::tables {

// One group of inverted residual blocks: expansion t, output channels c, repeats n, stride s of the first
// block (Sandler et al. 2018, table 2).
struct inverted_residual_v2 {
    double t;
    int c, n, s;
};

inline constexpr inverted_residual_v2 mobilenet_v2_rows[] = {
    // t, c, n, s
    {1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};

// A MobileNetV2 variant. The with_ functions return a changed copy:
//     constexpr auto narrow = fovea::tables::mobilenet_v2.with_width(0.35).with_classes(10);
struct mobilenet_v2_table : classification_table<mobilenet_v2_table> {
    span<const inverted_residual_v2> rows{};
    int round_nearest = 8;
    int input_channel = 32;  // of the stem, before the width multiplier
    int last_channel = 1280; // scaled only by multipliers above 1
    float norm_epsilon = 1e-5F;
    float norm_momentum = 0.1F;

    constexpr mobilenet_v2_table with_rows(span<const inverted_residual_v2> settings) const noexcept {
        auto t = *this;
        t.rows = settings;
        return t;
    }
};

inline constexpr mobilenet_v2_table mobilenet_v2{{}, mobilenet_v2_rows};

} // namespace fovea::tables
