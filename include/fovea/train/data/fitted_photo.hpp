// Training images of detectors that keep a photo's aspect: the photo, or a part of it, at the input's top left corner
// and padding around it.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/preprocess/apply.hpp>
#include <fovea/preprocess/geometry.hpp>
#include <fovea/preprocess/normalize.hpp>
#include <fovea/preprocess/pillow_resample.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/preprocess/resize_normalized.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/train/data/augment_workspace.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

namespace fovea {

namespace detail {

// Where boxes of the photo go.
inline placement placement_of(const resized_window& w, image_size photo) noexcept {
    placement where;
    where.content = w.shown;
    where.ratio_x = static_cast<float>(photo.width) / static_cast<float>(w.whole.width);
    where.ratio_y = static_cast<float>(photo.height) / static_cast<float>(w.whole.height);
    where.offset_x = -static_cast<float>(w.left);
    where.offset_y = -static_cast<float>(w.top);
    return where;
}

} // namespace detail

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace augment_detail {

// The window's pixels as the preset normalizes them, with the arithmetic of its resize; the rest of `output` stays.
inline void resize_window(const preset& p, image_view photo, const resized_window& window, view<float, 3> output,
                          preprocess_workspace& workspace) {
    if (ends_in_bytes(p) && p.sampler == resampler::pillow) {
        const fovea::detail::pixel_table table = fovea::detail::normalizing_table(p);
        pillow_resize(photo, window.whole, p.filter, window.left, window.top, window.shown, workspace,
                      [&](std::size_t x, std::size_t y, const std::array<std::uint8_t, 3>& rgb) {
                          for (std::size_t c = 0; c < 3; ++c)
                              output(y, x, c) = table[c][rgb[c]];
                      });
    } else {
        sequential_executor sequential;
        resize_normalized(photo, window, fovea::detail::normalizing_affine(p), output, workspace, sequential);
    }
    if (p.channels == channel_order::bgr)
        for (std::size_t y = 0; y < window.shown.height; ++y)
            for (std::size_t x = 0; x < window.shown.width; ++x)
                std::swap(output(y, x, std::size_t{0}), output(y, x, std::size_t{2}));
}

// The preset's padding right of the content and below it.
inline void pad(const preset& p, image_size content, view<float, 3> output) noexcept {
    std::array<float, 3> pixel{};
    if (p.rule == resize_rule::padded_fit) {
        const fovea::detail::pixel_table table = fovea::detail::normalizing_table(p);
        for (std::size_t c = 0; c < 3; ++c)
            pixel[fovea::detail::channel_position(p.channels, c)] = table[c][p.padding[c]];
    }
    for (std::size_t y = 0; y < output.extent(0); ++y)
        for (std::size_t x = y < content.height ? content.width : 0; x < output.extent(1); ++x)
            std::copy(pixel.begin(), pixel.end(), &output(y, x, std::size_t{0}));
}

} // namespace augment_detail

FOVEA_ARCH_NAMESPACE_END
