// The rounding rules that turn a table's channel counts and multipliers into integers.
#pragma once

namespace fovea {

// Channels rounded to a multiple of `divisor`, never below 90 % of the value (torchvision _make_divisible).
constexpr int make_divisible(double value, int divisor = 8, int minimum = 0) noexcept {
    const int floor_value = minimum > 0 ? minimum : divisor;
    const int rounded = static_cast<int>(value + divisor / 2.0) / divisor * divisor;
    const int kept = rounded > floor_value ? rounded : floor_value;
    return kept < 0.9 * value ? kept + divisor : kept;
}

// Filters and repeats of a scaled network (Tan and Le 2019, section 4; torchvision efficientnet.py
// adjust_channels and adjust_depth): channels as make_divisible() rounds them, blocks rounded up. For
// multipliers above 0.
constexpr int scaled_filters(int channels, double width) noexcept {
    return make_divisible(channels * width);
}
constexpr int scaled_repeats(int repeats, double depth) noexcept {
    const double scaled = repeats * depth;
    const int below = static_cast<int>(scaled);
    return below < scaled ? below + 1 : below;
}

// Nearest integer, halves to even: Python's round(). For |value| < 2^31.
constexpr int round_half_even(double value) noexcept {
    const int below = static_cast<int>(value) - (value < static_cast<int>(value) ? 1 : 0);
    const double rest = value - below;
    if (rest != 0.5)
        return rest < 0.5 ? below : below + 1;
    return below % 2 == 0 ? below : below + 1;
}

} // namespace fovea
