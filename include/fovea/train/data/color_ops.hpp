// Brightness, contrast, saturation and hue of a picture's planes, as torchvision's functional ops compute
// them for float tensors (transforms/functional_tensor.py, _blend, _rgb2hsv, _hsv2rgb).
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/simd/vector.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Planes are (3, count): red, green, blue of all pixels in 0 .. 1, changed in place and kept in that range.

namespace color_detail {

struct pixels {
    vector red, green, blue;
};

inline vector clamped(vector v) noexcept {
    return xsimd::min(xsimd::max(v, vector(0.0F)), vector(1.0F));
}

// ITU-R 601 luma, torchvision's rgb_to_grayscale.
inline vector luma(const pixels& p) noexcept {
    return multiply_add(p.red, vector(0.2989F),
                        multiply_add(p.green, vector(0.587F), p.blue * vector(0.114F)));
}

// Pixels = f(pixels) for all of a picture, a vector of them at a time.
template <class Function>
void for_each_pixel(view<float, 2> planes, Function&& f) noexcept {
    const std::size_t count = planes.extent(1);
    float* const data = planes.data();
    const auto change = [&](float* red, std::size_t stride) {
        const pixels p = f(pixels{vector::load_unaligned(red), vector::load_unaligned(red + stride),
                                  vector::load_unaligned(red + 2 * stride)});
        p.red.store_unaligned(red);
        p.green.store_unaligned(red + stride);
        p.blue.store_unaligned(red + 2 * stride);
    };
    std::size_t i = 0;
    for (; i + vector::size <= count; i += vector::size)
        change(data + i, count);
    if (i < count) {
        float last[3 * vector::size] = {};
        for (std::size_t c = 0; c < 3; ++c)
            std::copy_n(data + c * count + i, count - i, last + c * vector::size);
        change(last, vector::size);
        for (std::size_t c = 0; c < 3; ++c)
            std::copy_n(last + c * vector::size, count - i, data + c * count + i);
    }
}

// The mean luma; sums of 4096 pixels at a time keep the digits.
inline float mean_luma(view<float, 2> planes) noexcept {
    constexpr std::size_t block = 4096;
    const std::size_t count = planes.extent(1);
    const float *const red = planes.data(), *const green = red + count, *const blue = green + count;
    double sum = 0;
    for (std::size_t begin = 0; begin < count; begin += block) {
        const std::size_t end = std::min(count, begin + block);
        vector lanes(0.0F);
        std::size_t i = begin;
        for (; i + vector::size <= end; i += vector::size)
            lanes += luma({vector::load_unaligned(red + i), vector::load_unaligned(green + i),
                           vector::load_unaligned(blue + i)});
        float stored[vector::size];
        lanes.store_unaligned(stored);
        for (const float lane : stored)
            sum += static_cast<double>(lane);
        for (; i < end; ++i)
            sum += static_cast<double>(0.2989F * red[i] + 0.587F * green[i] + 0.114F * blue[i]);
    }
    return static_cast<float>(sum / static_cast<double>(count));
}

// One channel of a hue: 0 where it is the smallest, 1 where the largest. `sixths` is the hue in sixths of the
// circle plus 5 for red, 3 for green, 1 for blue (_hsv2rgb as one formula for all sectors: k = sixths mod 6,
// the channel is v - v s max(0, min(k, 4 - k, 1))).
inline vector hue_channel(vector sixths, vector value, vector range) noexcept {
    const vector k = xsimd::select(sixths >= vector(6.0F), sixths - vector(6.0F), sixths);
    return clamped(value - range * clamped(xsimd::min(k, vector(4.0F) - k)));
}

inline pixels turned(const pixels& p, vector turn) noexcept {
    const vector high = xsimd::max(p.red, xsimd::max(p.green, p.blue));
    const vector range = high - xsimd::min(p.red, xsimd::min(p.green, p.blue));
    const auto gray = range == vector(0.0F);
    const vector scale = divide(vector(1.0F), xsimd::select(gray, vector(1.0F), range));
    const vector red = (high - p.red) * scale, green = (high - p.green) * scale,
                 blue = (high - p.blue) * scale;
    const vector sixths =
        xsimd::select(high == p.red, blue - green,
                      xsimd::select(high == p.green, vector(2.0F) + red - blue, vector(4.0F) + green - red));
    const vector turns = sixths * vector(1.0F / 6.0F) + turn;
    const vector hue = (turns - xsimd::floor(turns)) * vector(6.0F);
    return {hue_channel(hue + vector(5.0F), high, range), hue_channel(hue + vector(3.0F), high, range),
            hue_channel(hue + vector(1.0F), high, range)};
}

} // namespace color_detail

// Scales all channels by a factor that is not negative.
inline void adjust_brightness(view<float, 2> planes, float factor) noexcept {
    const vector f(factor);
    color_detail::for_each_pixel(planes, [f](const color_detail::pixels& p) {
        using color_detail::clamped;
        return color_detail::pixels{clamped(p.red * f), clamped(p.green * f), clamped(p.blue * f)};
    });
}

// Scales the distance from the picture's mean luma.
inline void adjust_contrast(view<float, 2> planes, float factor) noexcept {
    if (planes.extent(1) == 0)
        return;
    const vector f(factor), rest((1.0F - factor) * color_detail::mean_luma(planes));
    color_detail::for_each_pixel(planes, [=](const color_detail::pixels& p) {
        const auto blend = [=](vector v) { return color_detail::clamped(multiply_add(v, f, rest)); };
        return color_detail::pixels{blend(p.red), blend(p.green), blend(p.blue)};
    });
}

// Scales each pixel's distance from its own luma.
inline void adjust_saturation(view<float, 2> planes, float factor) noexcept {
    const vector f(factor), other(1.0F - factor);
    color_detail::for_each_pixel(planes, [=](const color_detail::pixels& p) {
        const vector rest = color_detail::luma(p) * other;
        const auto blend = [=](vector v) { return color_detail::clamped(multiply_add(v, f, rest)); };
        return color_detail::pixels{blend(p.red), blend(p.green), blend(p.blue)};
    });
}

// Turns hues by -0.5 to 0.5 of the color circle.
inline void adjust_hue(view<float, 2> planes, float turn) noexcept {
    color_detail::for_each_pixel(
        planes, [t = vector(turn)](const color_detail::pixels& p) { return color_detail::turned(p, t); });
}

// Channel c becomes what channel order[c] was.
inline void permute_channels(view<float, 2> planes, std::array<std::size_t, 3> order) noexcept {
    color_detail::for_each_pixel(planes, [order](const color_detail::pixels& p) {
        const vector old[3] = {p.red, p.green, p.blue};
        return color_detail::pixels{old[order[0]], old[order[1]], old[order[2]]};
    });
}

FOVEA_ARCH_NAMESPACE_END
