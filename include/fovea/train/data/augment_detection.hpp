// One training image: a photo and its boxes through augmentation to the network's input.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/apply.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/augment_workspace.hpp>
#include <fovea/train/data/color_planes.hpp>
#include <fovea/train/data/crop_window.hpp>
#include <fovea/train/data/detection_augmentation.hpp>
#include <fovea/train/data/fitted_photo.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace fovea {

namespace detail {

// The part of the photo to show, its objects moved along; flips are left to the caller.
inline crop_window draw_window(const detection_augmentation& augmentation, image_size photo,
                               training_objects& objects, random_stream& random) {
    crop_window window = whole(photo);
    if (augmentation.zoom)
        if (const auto canvas = draw(*augmentation.zoom, photo, random)) {
            shift_boxes(*canvas, objects.boxes);
            window = *canvas;
        }
    const auto crop = [&](crop_window inner) { // in coordinates of the window so far
        crop_boxes(inner, objects);
        window = {window.left + inner.left, window.top + inner.top, inner.width, inner.height};
    };
    if (augmentation.crop)
        if (const auto inner = draw(*augmentation.crop, {window.width, window.height}, objects.boxes, random))
            crop(*inner);
    if (augmentation.jitter)
        crop(draw(*augmentation.jitter, {window.width, window.height}, random));
    return window;
}

// Throws input_error unless all photos become inputs of one size that show all of them, and where a fit is for a
// preset that stretches.
inline void check_trainable(const detection_augmentation& augmentation, const preset& p) {
    if (p.rule != resize_rule::stretch && !is_fit(p))
        throw input_error("augment: expected a preset that stretches photos to one size or fits them into it");
    if (augmentation.fit && !is_fit(p))
        throw input_error("augment: jitter of a fit is for presets that keep the aspect, as EfficientDet's do");
}

// To pixels of the network's input. What rounding leaves without area is removed: losses refuse it.
inline void resize_boxes(const placement& where, training_objects& objects) {
    const spatial_size input{where.content.height, where.content.width};
    std::size_t kept = 0;
    for (std::size_t i = 0; i < objects.boxes.size(); ++i) {
        const box& b = objects.boxes[i];
        const auto [x1, y1, x2, y2] = where.to_network({b.x1, b.y1, b.x2, b.y2});
        const box resized = clip({x1, y1, x2, y2}, input);
        if (!(resized.x2 > resized.x1 && resized.y2 > resized.y1))
            continue;
        objects.boxes[kept] = resized;
        objects.labels[kept++] = objects.labels[i];
    }
    objects.boxes.resize(kept);
    objects.labels.resize(kept);
}

} // namespace detail

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace augment_detail {

// The photo in other colors.
inline image_view distort(span<const color_change> changes, image_view photo, augment_workspace& workspace) {
    if (changes.empty())
        return photo;
    image& copy = workspace.distorted;
    copy.width = photo.width;
    copy.height = photo.height;
    copy.pixels.resize(3 * photo.width * photo.height);
    for (std::size_t y = 0; y < photo.height; ++y)
        std::copy_n(photo.row(y), 3 * photo.width, copy.row(y));
    const view<float, 2> planes = to_planes(copy.pixels.data(), photo.width * photo.height, workspace.planes);
    fovea::apply(changes, planes);
    from_planes(planes, copy.pixels.data());
    return copy;
}

} // namespace augment_detail

namespace augment_detail {

// The shown photo at the size of the input, or as much of it as a fit shows, in its own colors or before they change.
// Boxes go where the pixels go on each axis, as google/automl has it, whatever ratio takes detections back.
inline placement resize(const detection_augmentation& augmentation, const preset& input, image_view shown,
                        random_stream& random, view<float, 3> output, augment_workspace& workspace) {
    const preset plain = augmentation.color ? resizing_only(input) : input;
    const image_size whole = fovea::detail::resized_size(input, shown.size());
    resized_window window{whole, 0, 0, whole};
    if (augmentation.fit) {
        window = draw(*augmentation.fit, shown.size(), {input.width, input.height}, random);
        resize_window(plain, shown, window, output, workspace.preprocess);
        pad(input, window.shown, output);
    } else {
        fovea::apply(plain, shown, output, workspace.preprocess);
    }
    return fovea::detail::placement_of(window, shown.size());
}

// Mirrors the content and its boxes, which are in pixels of the input.
inline void flip(bool horizontally, bool vertically, image_size content, span<box> boxes, view<float, 3> output) {
    const std::size_t row = 3 * output.extent(1);
    if (horizontally) {
        flip_boxes_horizontally(static_cast<float>(content.width), boxes);
        for (std::size_t y = 0; y < content.height; ++y)
            flip_pixels_horizontally(output.data() + y * row, content.width, 1);
    }
    if (vertically) {
        flip_boxes_vertically(static_cast<float>(content.height), boxes);
        flip_pixels_vertically(output.data(), output.extent(1), content.height);
    }
}

} // namespace augment_detail

// Fills `output` (height, width, 3, the preset's input) from the photo, augmented as `random` draws, and
// turns `objects` from pixels of the photo into those of the input; what a crop cuts off is removed. Throws
// input_error for an empty photo, a wrong shape, a preset whose inputs are not all of one size or show a part
// of the photo only, and a fit where the preset stretches.
inline void augment(const detection_augmentation& augmentation, const preset& input, image_view photo,
                    training_objects& objects, random_stream& random, view<float, 3> output,
                    augment_workspace& workspace) {
    detail::check_trainable(augmentation, input);
    detail::check_size(photo.size(), "photo");
    resampling::check_output(input, photo, output);
    if (augmentation.distort)
        photo = augment_detail::distort(draw(*augmentation.distort, random), photo, workspace);
    const crop_window window = detail::draw_window(augmentation, photo.size(), objects, random);
    const image_view shown = cut(photo, window, augmentation.fill, workspace.window);
    const bool mirrored = random.chance(augmentation.horizontal_flip);
    const bool upside_down = random.chance(augmentation.vertical_flip);
    const placement where = augment_detail::resize(augmentation, input, shown, random, output, workspace);
    if (augmentation.color) {
        augment_detail::color_and_normalize(draw(*augmentation.color, random), input, output, workspace);
        augment_detail::pad(input, where.content, output);
    }
    detail::resize_boxes(where, objects);
    augment_detail::flip(mirrored, upside_down, where.content, objects.boxes, output);
}

FOVEA_ARCH_NAMESPACE_END
