// Pillow's antialiased resize of 8-bit pictures, bit for bit: 22-bit fixed point, columns first, 8 bits in
// between.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include <fovea/arch.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/workspace.hpp>
#include <fovea/tensor/view.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace resampling {

inline constexpr int pillow_precision = 32 - 8 - 2; // Pillow libImaging/Resample.c, PRECISION_BITS

// One side resized from `input` to `output` pixels.
struct pillow_axis {
    std::size_t input, output;
    interpolation_mode mode; // bilinear or bicubic

    interpolation::antialias_window<double> window(std::size_t i) const noexcept {
        const double radius = mode == interpolation_mode::bilinear ? 1.0 : 2.0;
        return interpolation::make_antialias_window(i, interpolation::source_scale<double>(input, output),
                                                    radius, input);
    }
    double weight(double distance) const noexcept {
        return mode == interpolation_mode::bilinear ? interpolation::triangle_kernel(distance)
                                                    : interpolation::cubic_kernel(distance, -0.5);
    }
};

// Windows and fixed-point weights of outputs begin .. begin + count - 1.
inline void fill_pillow_windows(const pillow_axis& axis, std::size_t begin, std::size_t count,
                                std::vector<pillow_window>& windows, std::vector<std::int32_t>& weights) {
    constexpr double one = 1 << pillow_precision;
    windows.resize(count);
    weights.clear();
    for (std::size_t k = 0; k < count; ++k) {
        const auto window = axis.window(begin + k);
        const auto kernel = [&](std::size_t i) { return axis.weight(window.distance(window.first + i)); };
        double sum = 0.0;
        for (std::size_t i = 0; i < window.count; ++i)
            sum += kernel(i);
        windows[k] = {window.first, window.count, weights.size()};
        for (std::size_t i = 0; i < window.count; ++i) {
            const double weight = (sum != 0.0 ? kernel(i) / sum : kernel(i)) * one;
            weights.push_back(static_cast<std::int32_t>(weight < 0.0 ? weight - 0.5 : weight + 0.5));
        }
    }
}

inline std::uint8_t pillow_round(std::int32_t sum) noexcept {
    return static_cast<std::uint8_t>(std::clamp(sum >> pillow_precision, 0, 255));
}

// One pixel: the weighted sum of w.count pixels `step` bytes apart.
inline std::array<std::uint8_t, 3> pillow_pixel(const std::uint8_t* first, std::size_t step,
                                                const pillow_window& w,
                                                const std::int32_t* weights) noexcept {
    std::int32_t sum[3] = {1 << (pillow_precision - 1), 1 << (pillow_precision - 1),
                           1 << (pillow_precision - 1)};
    for (std::size_t k = 0; k < w.count; ++k, first += step)
        for (std::size_t c = 0; c < 3; ++c)
            sum[c] += static_cast<std::int32_t>(first[c]) * weights[w.offset + k];
    return {pillow_round(sum[0]), pillow_round(sum[1]), pillow_round(sum[2])};
}

// Source rows `first_row` on, one for each row of `rows` (3 * windows.size() bytes each), columns resized.
inline void pillow_columns(image_view photo, std::size_t first_row, std::size_t row_count,
                           span<const pillow_window> windows, const std::int32_t* weights,
                           std::uint8_t* rows) {
    for (std::size_t y = 0; y < row_count; ++y) {
        const std::uint8_t* source = photo.row(first_row + y);
        for (const pillow_window& w : windows) {
            const auto pixel = pillow_pixel(source + 3 * w.first, 3, w, weights);
            rows = std::copy(pixel.begin(), pixel.end(), rows);
        }
    }
}

} // namespace resampling

// A window of photo.resize(size, mode) as Pillow computes it, without computing the rest: calls
// store(x, y, rgb) for the pixels left + x, top + y of the resized picture, x < window.width, y <
// window.height. The window must lie inside `size`; mode is bilinear or bicubic.
template <class Store>
void pillow_resize(image_view photo, image_size size, interpolation_mode mode, std::size_t left,
                   std::size_t top, image_size window, preprocess_workspace& workspace, Store&& store) {
    const resampling::pillow_axis horizontal{photo.width, size.width, mode},
        vertical{photo.height, size.height, mode};
    resampling::fill_pillow_windows(horizontal, left, window.width, workspace.windows_x, workspace.weights_x);
    resampling::fill_pillow_windows(vertical, top, window.height, workspace.windows_y, workspace.weights_y);
    const auto &begin = workspace.windows_y.front(), &end = workspace.windows_y.back();
    const std::size_t first_row = begin.first, end_row = end.first + end.count;
    const std::size_t row_bytes = 3 * window.width;
    workspace.bytes.resize((end_row - first_row) * row_bytes);
    resampling::pillow_columns(photo, first_row, end_row - first_row,
                               span<const pillow_window>(workspace.windows_x), workspace.weights_x.data(),
                               workspace.bytes.data());
    for (std::size_t y = 0; y < window.height; ++y) {
        const pillow_window& w = workspace.windows_y[y];
        const std::uint8_t* rows = workspace.bytes.data() + (w.first - first_row) * row_bytes;
        for (std::size_t x = 0; x < window.width; ++x)
            store(x, y, resampling::pillow_pixel(rows + 3 * x, row_bytes, w, workspace.weights_y.data()));
    }
}

FOVEA_ARCH_NAMESPACE_END
