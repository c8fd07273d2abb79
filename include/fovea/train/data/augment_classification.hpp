// One training image of a classifier: a photo through augmentation to the network's input.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/apply.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/augment_workspace.hpp>
#include <fovea/train/data/classification_augmentation.hpp>
#include <fovea/train/data/color_planes.hpp>
#include <fovea/train/data/crop_window.hpp>
#include <fovea/train/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace augment_detail {

// Floats 0 .. 255 in RGB of a window resized as Pillow resizes: rounded to bytes on the way.
inline void resized_crop(image_view window, const preset& input, view<float, 3> output,
                         augment_workspace& workspace) {
    const image_size size{input.width, input.height};
    pillow_resize(window, size, input.filter, 0, 0, size, workspace.preprocess,
                  [&](std::size_t x, std::size_t y, const std::array<std::uint8_t, 3>& rgb) {
                      for (std::size_t c = 0; c < 3; ++c)
                          output(y, x, c) = static_cast<float>(rgb[c]);
                  });
}

inline void erase(crop_window window, float value, view<float, 3> output) noexcept {
    for (std::size_t y = 0; y < window.height; ++y) {
        float* const row = &output(static_cast<std::size_t>(window.top) + y,
                                   static_cast<std::size_t>(window.left), std::size_t{0});
        std::fill(row, row + 3 * window.width, value);
    }
}

} // namespace augment_detail

// Fills `output` (height, width, 3, the preset's input) from the photo, augmented as `random` draws. Crops
// are resized with Pillow's arithmetic and the preset's filter. Throws input_error for an empty photo, a
// wrong shape, or a preset whose inputs are not all of one size.
inline void augment(const classification_augmentation& augmentation, const preset& input, image_view photo,
                    random_stream& random, view<float, 3> output, augment_workspace& workspace) {
    if (input.rule != resize_rule::centre_crop && input.rule != resize_rule::stretch)
        throw input_error("augment: expected a preset whose inputs have one size");
    if (input.filter == interpolation_mode::nearest)
        throw input_error("augment: Pillow's resampling is there for bilinear and bicubic, not for nearest");
    resampling::check_output(input, photo, output);
    if (augmentation.crop)
        augment_detail::resized_crop(
            cut(photo, draw(*augmentation.crop, photo.size(), random), {}, workspace.window), input, output,
            workspace);
    else
        fovea::apply(augment_detail::resizing_only(input), photo, output, workspace.preprocess);
    if (random.chance(augmentation.horizontal_flip))
        flip_pixels_horizontally(output.data(), input.width, input.height);
    const auto changes = augmentation.color ? draw(*augmentation.color, random) : std::vector<color_change>();
    augment_detail::color_and_normalize(changes, input, output, workspace);
    if (augmentation.erasing)
        if (const auto window = draw(*augmentation.erasing, {input.width, input.height}, random))
            augment_detail::erase(*window, augmentation.erasing->value, output);
}

FOVEA_ARCH_NAMESPACE_END
