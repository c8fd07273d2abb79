// Brightness, contrast, saturation and hue of 8-bit RGB pixels, bit for bit as torchvision's functional ops
// change a PIL image (transforms/functional_pil.py; Pillow's ImageEnhance, Blend.c and Convert.c).
#pragma once

#include <fovea/math/rounded.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fovea {

// Pixels are (count, 3) bytes without gaps, changed in place. Factors are not negative; 1 changes nothing.

namespace detail {

// ITU-R 601 luma in 16-bit fixed point.
constexpr std::uint8_t luma(const std::uint8_t* rgb) noexcept {
    return static_cast<std::uint8_t>((19595U * rgb[0] + 38470U * rgb[1] + 7471U * rgb[2] + 0x8000U) >> 16U);
}

constexpr std::uint8_t truncated(float value) noexcept {
    return value <= 0 ? std::uint8_t{0} : value >= 255 ? std::uint8_t{255} : static_cast<std::uint8_t>(value);
}

// Moves every byte away from `from`: from + factor * (byte - from), truncated.
inline void blend_with(std::uint8_t from, float factor, span<std::uint8_t> bytes) noexcept {
    std::array<std::uint8_t, 256> table{};
    for (int v = 0; v < 256; ++v)
        table[static_cast<std::size_t>(v)] =
            truncated(static_cast<float>(from) + rounded(factor * static_cast<float>(v - from)));
    for (std::uint8_t& byte : bytes)
        byte = table[byte];
}

// A hue as the sector of the color circle it lies in and how far.
struct hue_position {
    int sector = 0;
    float fraction = 0;
};

// Hue, 0 .. 255 for the whole circle, of a pixel that is not gray.
inline int hue_of(const std::uint8_t* rgb, int low, int high) noexcept {
    const auto range = static_cast<float>(high - low);
    const auto below = [&](int c) { return static_cast<float>(high - rgb[c]) / range; };
    const float red = below(0), green = below(1), blue = below(2);
    const float sixths =
        rgb[0] == high   ? blue - green
        : rgb[1] == high ? static_cast<float>(2.0 + static_cast<double>(red) - static_cast<double>(blue))
                         : static_cast<float>(4.0 + static_cast<double>(green) - static_cast<double>(red));
    double turns = static_cast<double>(sixths) / 6.0 + 1.0;
    turns = turns >= 1.0 ? turns - 1.0 : turns;
    return std::clamp(static_cast<int>(static_cast<double>(static_cast<float>(turns)) * 255.0), 0, 255);
}

inline hue_position position_of(int hue) noexcept {
    const double sixths = static_cast<double>(hue) * 6.0 / 255.0;
    const int sector = static_cast<int>(sixths);
    return {sector % 6, static_cast<float>(sixths - static_cast<double>(sector))};
}

// The pixel of the largest channel `high`, a saturation of 1 .. 255 and a hue.
inline void set_hue(std::uint8_t* rgb, int high, int saturation, hue_position hue) noexcept {
    const auto s = static_cast<float>(static_cast<double>(saturation) / 255.0);
    const auto level = [high](double share) {
        return static_cast<std::uint8_t>(
            std::clamp(static_cast<int>(static_cast<double>(high) * share + 0.5), 0, 255));
    };
    const auto v = static_cast<std::uint8_t>(high);
    const std::uint8_t low = level(1.0 - static_cast<double>(s));
    const bool falling = hue.sector % 2 == 1; // the middle channel falls or rises with the hue
    const std::uint8_t middle =
        falling ? level(1.0 - static_cast<double>(rounded(s * hue.fraction)))
                : level(1.0 - static_cast<double>(s) * (1.0 - static_cast<double>(hue.fraction)));
    const std::uint8_t levels[3] = {v, middle, low};
    // Which of these each channel is, by sector.
    static constexpr std::uint8_t order[6][3] = {{0, 1, 2}, {1, 0, 2}, {2, 0, 1},
                                                 {2, 1, 0}, {1, 2, 0}, {0, 2, 1}};
    for (std::size_t c = 0; c < 3; ++c)
        rgb[c] = levels[order[hue.sector][c]];
}

} // namespace detail

// Scales all bytes.
inline void adjust_brightness(span<std::uint8_t> pixels, float factor) noexcept {
    detail::blend_with(0, factor, pixels);
}

// Scales the distance from the mean luma of all pixels, which is rounded to a byte.
inline void adjust_contrast(span<std::uint8_t> pixels, float factor) noexcept {
    const std::size_t count = pixels.size() / 3;
    if (count == 0)
        return;
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < count; ++i)
        sum += detail::luma(pixels.data() + 3 * i);
    const double mean = static_cast<double>(sum) / static_cast<double>(count);
    detail::blend_with(static_cast<std::uint8_t>(mean + 0.5), factor, pixels);
}

// Scales each pixel's distance from its own luma.
inline void adjust_saturation(span<std::uint8_t> pixels, float factor) noexcept {
    std::array<float, 511> scaled{};
    for (int d = -255; d <= 255; ++d)
        scaled[static_cast<std::size_t>(d + 255)] = factor * static_cast<float>(d);
    for (std::size_t i = 0; i + 3 <= pixels.size(); i += 3) {
        std::uint8_t* const rgb = pixels.data() + i;
        const int gray = detail::luma(rgb);
        for (std::size_t c = 0; c < 3; ++c)
            rgb[c] = detail::truncated(static_cast<float>(gray) +
                                       scaled[static_cast<std::size_t>(rgb[c] - gray + 255)]);
    }
}

// Turns the color circle by -0.5 to 0.5 of it. Pixels pass through 8-bit hue and saturation, so that even 0
// changes some.
inline void adjust_hue(span<std::uint8_t> pixels, float turn) noexcept {
    const int shift = static_cast<int>(static_cast<double>(turn) * 255.0) & 255;
    std::array<detail::hue_position, 256> positions;
    for (int hue = 0; hue < 256; ++hue)
        positions[static_cast<std::size_t>(hue)] = detail::position_of((hue + shift) & 255);
    for (std::size_t i = 0; i + 3 <= pixels.size(); i += 3) {
        std::uint8_t* const rgb = pixels.data() + i;
        const int high = std::max({rgb[0], rgb[1], rgb[2]}), low = std::min({rgb[0], rgb[1], rgb[2]});
        if (high == low)
            continue;
        const float saturation = static_cast<float>(high - low) / static_cast<float>(high);
        const int s = static_cast<int>(static_cast<double>(saturation) * 255.0);
        if (s == 0)
            rgb[0] = rgb[1] = rgb[2] = static_cast<std::uint8_t>(high);
        else
            detail::set_hue(rgb, high, s,
                            positions[static_cast<std::size_t>(detail::hue_of(rgb, low, high))]);
    }
}

// Channel c becomes what channel order[c] was.
inline void permute_channels(span<std::uint8_t> pixels, const std::array<std::size_t, 3>& order) noexcept {
    for (std::size_t i = 0; i + 3 <= pixels.size(); i += 3) {
        std::uint8_t* const rgb = pixels.data() + i;
        const std::uint8_t old[3] = {rgb[0], rgb[1], rgb[2]};
        for (std::size_t c = 0; c < 3; ++c)
            rgb[c] = old[order[c]];
    }
}

} // namespace fovea
