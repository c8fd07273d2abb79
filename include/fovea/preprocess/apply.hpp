// A photo to the network's input, as the model's preset says.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/geometry.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/interpolate.hpp>
#include <fovea/preprocess/normalize.hpp>
#include <fovea/preprocess/pillow_resample.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/preprocess/resize_normalized.hpp>
#include <fovea/preprocess/workspace.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/tensor/view.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace resampling {

// The part of a resized side that lands in the output: `count` pixels from `source`, written from `target`
// on.
struct side_window {
    std::size_t source, target, count;
};

inline side_window window_of(std::size_t side, std::size_t crop) noexcept {
    const std::ptrdiff_t begin = detail::crop_begin(side, crop);
    if (begin < 0)
        return {0, static_cast<std::size_t>(-begin), side};
    return {static_cast<std::size_t>(begin), 0, crop};
}

// torchvision's functional.resize of a uint8 tensor: float interpolation, rounded half to even, back to 8
// bits.
template <class Store>
void tensor_resize(image_view photo, image_size size, interpolation_mode mode, side_window columns,
                   side_window rows, preprocess_workspace& workspace, Store&& store) {
    with_tap_count(mode, [&](auto n) {
        interpolate_rows<n>(
            photo.pixels, photo.stride, 3, map_axis(photo.height, size.height), rows.source, rows.count,
            fill_columns<n>(map_axis(photo.width, size.width), columns.source, columns.count,
                            workspace.columns),
            [&](std::size_t x, std::size_t y, std::size_t c, float value) {
                store(x, y, c, static_cast<std::uint8_t>(std::nearbyint(std::clamp(value, 0.0F, 255.0F))));
            });
    });
}

// shorter_side, centre_crop and padded_fit: resize to 8 bits and take the middle, or put all of it top left.
// pixel_value(c, byte) makes an output number of channel c. What the photo leaves of the output is the
// preset's padding, black around crops.
template <class T, class PixelValue>
void resize_and_crop(const preset& p, image_view photo, view<T, 3> output, preprocess_workspace& workspace,
                     const PixelValue& pixel_value) {
    const image_size size = detail::resized_size(p, photo.size());
    const bool whole = p.rule == resize_rule::padded_fit;
    const side_window columns =
        whole ? side_window{0, 0, size.width} : window_of(size.width, output.extent(1));
    const side_window rows =
        whole ? side_window{0, 0, size.height} : window_of(size.height, output.extent(0));
    if (columns.count < output.extent(1) || rows.count < output.extent(0))
        for (std::size_t i = 0; i < output.size(); ++i)
            output.data()[i] = pixel_value(i % 3, whole ? p.padding[i % 3] : std::uint8_t{0});
    T* origin = output.data() + 3 * (rows.target * output.extent(1) + columns.target);
    const std::size_t row = 3 * output.extent(1);
    if (p.sampler == resampler::pillow)
        pillow_resize(photo, size, p.filter, columns.source, rows.source, {columns.count, rows.count},
                      workspace, [&](std::size_t x, std::size_t y, const std::array<std::uint8_t, 3>& rgb) {
                          for (std::size_t c = 0; c < 3; ++c)
                              origin[y * row + 3 * x + c] = pixel_value(c, rgb[c]);
                      });
    else
        tensor_resize(photo, size, p.filter, columns, rows, workspace,
                      [&](std::size_t x, std::size_t y, std::size_t c, std::uint8_t value) {
                          origin[y * row + 3 * x + c] = pixel_value(c, value);
                      });
}

// To the network's channel order.
template <class T>
void order_channels(const preset& p, view<T, 3> output) noexcept {
    if (p.channels == channel_order::bgr)
        for (std::size_t i = 0; i < output.size(); i += 3)
            std::swap(output.data()[i], output.data()[i + 2]);
}

// Zeros right of and below the top left content.
inline void zero_padding(image_size content, view<float, 3> output) noexcept {
    const std::size_t row = 3 * output.extent(1), filled = 3 * content.width;
    for (std::size_t y = 0; y < content.height; ++y)
        std::fill(output.data() + y * row + filled, output.data() + (y + 1) * row, 0.0F);
    std::fill(output.data() + content.height * row, output.data() + output.size(), 0.0F);
}

// The input may be larger than the photo needs only where the rule pads (a batch of bounded_sides).
template <class T>
void check_output(const preset& p, image_view photo, view<T, 3> output) {
    if (photo.pixels == nullptr || photo.stride < 3 * photo.width)
        throw input_error(
            "photo: expected pixels and a stride of at least 3 * width = " + std::to_string(3 * photo.width) +
            " bytes, got a stride of " + std::to_string(photo.stride));
    if (p.filter == interpolation_mode::nearest && p.sampler == resampler::pillow)
        throw input_error(
            "preset: Pillow's resampling is implemented for bilinear and bicubic, not for nearest");
    const image_size need = output_size(p, photo.size());
    const bool padded = p.rule == resize_rule::bounded_sides;
    const bool fits = padded ? output.extent(1) >= need.width && output.extent(0) >= need.height
                             : output.extent(1) == need.width && output.extent(0) == need.height;
    if (!fits || output.extent(2) != 3 || output.data() == nullptr)
        throw input_error("network input: expected height, width, channels " + std::to_string(need.height) +
                          "x" + std::to_string(need.width) + "x3" + (padded ? " or larger" : "") + ", got " +
                          std::to_string(output.extent(0)) + "x" + std::to_string(output.extent(1)) + "x" +
                          std::to_string(output.extent(2)));
}

} // namespace resampling

// Fills `output` (height, width, 3: NHWC of one image) from the photo and says where the photo lies in it.
// output_size() gives the shape; for bounded_sides `output` may be larger, as a batch needs. Floats are
// resized by the executor's workers, to the same numbers for any executor.
// Throws input_error for an empty photo or a wrong shape. Allocates only when the workspace has to grow.
inline placement apply(const preset& p, image_view photo, view<float, 3> output,
                       preprocess_workspace& workspace, executor& ex) {
    resampling::check_output(p, photo, output);
    const placement where = placement_of(p, photo.size());
    if (ends_in_bytes(p)) {
        const detail::pixel_table table = detail::normalizing_table(p);
        resampling::resize_and_crop(p, photo, output, workspace,
                                    [&](std::size_t c, std::uint8_t byte) { return table[c][byte]; });
    } else {
        resize_normalized(photo, where.content, detail::normalizing_affine(p), output, workspace, ex);
        resampling::zero_padding(where.content, output);
    }
    resampling::order_channels(p, output);
    return where;
}
// The same in the calling thread.
inline placement apply(const preset& p, image_view photo, view<float, 3> output,
                       preprocess_workspace& workspace) {
    sequential_executor sequential;
    return apply(p, photo, output, workspace, sequential);
}

// The same before normalisation, for presets that resize to 8 bits; scaling_of() has the rest of the work.
// Throws input_error for other presets, too.
inline placement apply(const preset& p, image_view photo, view<std::uint8_t, 3> output,
                       preprocess_workspace& workspace) {
    if (!ends_in_bytes(p))
        throw input_error("preset: bytes come of shorter_side, centre_crop and padded_fit; others resize "
                          "normalised numbers");
    resampling::check_output(p, photo, output);
    resampling::resize_and_crop(p, photo, output, workspace,
                                [](std::size_t, std::uint8_t byte) { return byte; });
    resampling::order_channels(p, output);
    return placement_of(p, photo.size());
}

FOVEA_ARCH_NAMESPACE_END
