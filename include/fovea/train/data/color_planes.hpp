// Between interleaved pixels and the planes that color changes work on.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/color_jitter.hpp>
#include <fovea/train/data/color_ops.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// The steps one after the other on (3, count) planes in 0 .. 1.
inline void apply(span<const color_change> changes, view<float, 2> planes) noexcept {
    for (const color_change& change : changes)
        switch (change.op) {
        case color_op::brightness:
            adjust_brightness(planes, change.amount);
            break;
        case color_op::contrast:
            adjust_contrast(planes, change.amount);
            break;
        case color_op::saturation:
            adjust_saturation(planes, change.amount);
            break;
        case color_op::hue:
            adjust_hue(planes, change.amount);
            break;
        case color_op::channel_order:
            permute_channels(planes, change.order);
            break;
        }
}

// (count, 3) numbers, bytes or floats in 0 .. 255, to planes in 0 .. 1.
template <class T>
view<float, 2> to_planes(const T* pixels, std::size_t count, std::vector<float>& planes) {
    planes.resize(3 * count);
    float *const red = planes.data(), *const green = red + count, *const blue = green + count;
    for (std::size_t i = 0; i < count; ++i) {
        red[i] = static_cast<float>(pixels[3 * i]) * (1.0F / 255.0F);
        green[i] = static_cast<float>(pixels[3 * i + 1]) * (1.0F / 255.0F);
        blue[i] = static_cast<float>(pixels[3 * i + 2]) * (1.0F / 255.0F);
    }
    return {planes.data(), {std::size_t{3}, count}};
}

// Planes to (count, 3) normalized pixels: channel c becomes scale[c] * plane + shift[c].
inline void from_planes(view<const float, 2> planes, const std::array<float, 3>& scale,
                        const std::array<float, 3>& shift, float* pixels) noexcept {
    const std::size_t count = planes.extent(1);
    const float *const red = planes.data(), *const green = red + count, *const blue = green + count;
    for (std::size_t i = 0; i < count; ++i) {
        pixels[3 * i] = red[i] * scale[0] + shift[0];
        pixels[3 * i + 1] = green[i] * scale[1] + shift[1];
        pixels[3 * i + 2] = blue[i] * scale[2] + shift[2];
    }
}

// Planes to (count, 3) bytes, rounded to the nearest.
inline void from_planes(view<const float, 2> planes, std::uint8_t* pixels) noexcept {
    const std::size_t count = planes.extent(1);
    const float *const red = planes.data(), *const green = red + count, *const blue = green + count;
    const auto byte = [](float v) { return static_cast<std::uint8_t>(static_cast<int>(v * 255.0F + 0.5F)); };
    for (std::size_t i = 0; i < count; ++i) {
        pixels[3 * i] = byte(red[i]);
        pixels[3 * i + 1] = byte(green[i]);
        pixels[3 * i + 2] = byte(blue[i]);
    }
}

FOVEA_ARCH_NAMESPACE_END
