// From a photo's size to the network's input size, and boxes from one to the other.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include <fovea/error.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea {

// Where a photo lies in a network's input: content is the part that is not padding, and
// photo = (network - offset) * ratio on each axis. Boxes are x1 y1 x2 y2 in pixels.
struct placement {
    image_size content;
    float ratio_x = 1.0F, ratio_y = 1.0F;
    float offset_x = 0.0F, offset_y = 0.0F;

    std::array<float, 4> to_photo(std::array<float, 4> box) const noexcept {
        return {(box[0] - offset_x) * ratio_x, (box[1] - offset_y) * ratio_y, (box[2] - offset_x) * ratio_x,
                (box[3] - offset_y) * ratio_y};
    }
    std::array<float, 4> to_network(std::array<float, 4> box) const noexcept {
        return {box[0] / ratio_x + offset_x, box[1] / ratio_y + offset_y, box[2] / ratio_x + offset_x,
                box[3] / ratio_y + offset_y};
    }
    // A dense run of boxes, four floats each, in place.
    void to_photo(span<float> boxes) const noexcept {
        for (std::size_t i = 0; i + 4 <= boxes.size(); i += 4) {
            const auto box = to_photo({boxes[i], boxes[i + 1], boxes[i + 2], boxes[i + 3]});
            std::copy(box.begin(), box.end(), boxes.begin() + i);
        }
    }
};

// A part of a resized photo, which need not exist as a whole. At least one pixel is shown.
struct resized_window {
    image_size whole;              // of the resized photo
    std::size_t left = 0, top = 0; // in it
    image_size shown;
};

namespace detail {

// A photo or an input beyond this many pixels a side is refused, so that no index can overflow.
inline constexpr std::size_t max_side = std::size_t{1} << 24;
// A resized photo kept whole (bounded_sides, shorter_side) beyond this many pixels is refused.
inline constexpr std::size_t max_resized_pixels = std::size_t{1} << 26;

inline void check_size(image_size size, const char* what) {
    if (size.width == 0 || size.height == 0 || size.width > max_side || size.height > max_side)
        throw input_error(std::string(what) + ": expected 1 to " + std::to_string(max_side) +
                          " pixels a side, got " + std::to_string(size.width) + "x" +
                          std::to_string(size.height));
}

// Truncation as in the references; a side that would vanish stays one pixel wide.
inline std::size_t floor_side(double side) noexcept {
    return std::max<std::size_t>(1, static_cast<std::size_t>(side));
}

// torchvision's functional._compute_resized_output_size.
inline image_size shorter_side_size(image_size photo, std::size_t shorter) noexcept {
    const auto scaled = [shorter](std::size_t longer_side, std::size_t shorter_side) {
        return floor_side(static_cast<double>(shorter * longer_side) / static_cast<double>(shorter_side));
    };
    return photo.width <= photo.height ? image_size{shorter, scaled(photo.height, photo.width)}
                                       : image_size{scaled(photo.width, photo.height), shorter};
}

// torchvision's detection/transform.py, _resize_image_and_masks: a float32 scale made of reciprocals (so that
// 375 pixels resized to 800 become 799), applied in double by interpolate(recompute_scale_factor=True).
inline image_size bounded_size(image_size photo, std::size_t shorter, std::size_t longer) noexcept {
    const float low = static_cast<float>(std::min(photo.width, photo.height));
    const float high = static_cast<float>(std::max(photo.width, photo.height));
    const float reciprocal_low = 1.0F / low, reciprocal_high = 1.0F / high;
    const double scale =
        std::min(reciprocal_low * static_cast<float>(shorter), reciprocal_high * static_cast<float>(longer));
    return {floor_side(static_cast<double>(photo.width) * scale),
            floor_side(static_cast<double>(photo.height) * scale)};
}

// EfficientDet: one scale for both sides; the side that decides it fits exactly.
inline image_size letterbox_size(image_size photo, image_size input) noexcept {
    const double w = static_cast<double>(photo.width), h = static_cast<double>(photo.height);
    const double scale_x = static_cast<double>(input.width) / w,
                 scale_y = static_cast<double>(input.height) / h;
    if (scale_x <= scale_y)
        return {input.width, std::min(input.height, floor_side(h * scale_x))};
    return {std::min(input.width, floor_side(w * scale_y)), input.height};
}

// The same with one scale that truncates both sides: effdet's ResizePad, google/automl's InputProcessor.
inline double one_scale(image_size photo, image_size input) noexcept {
    return std::min(static_cast<double>(input.height) / static_cast<double>(photo.height),
                    static_cast<double>(input.width) / static_cast<double>(photo.width));
}
inline image_size one_scale_size(image_size photo, image_size input) noexcept {
    const double scale = one_scale(photo, input);
    return {floor_side(static_cast<double>(photo.width) * scale),
            floor_side(static_cast<double>(photo.height) * scale)};
}

constexpr bool is_fit(const preset& p) noexcept {
    return p.rule == resize_rule::letterbox || p.rule == resize_rule::padded_fit;
}

constexpr std::size_t round_up(std::size_t n, std::size_t multiple) noexcept {
    return (n + multiple - 1) / multiple * multiple;
}

// Where a centre crop begins in a resized side, negative when the crop is the longer one
// (torchvision's functional.center_crop: Python's round, to even; padding puts the odd pixel last).
inline std::ptrdiff_t crop_begin(std::size_t side, std::size_t crop) noexcept {
    if (crop > side)
        return -static_cast<std::ptrdiff_t>((crop - side) / 2);
    const std::size_t half = (side - crop) / 2;
    const bool tie = (side - crop) % 2 != 0;
    return static_cast<std::ptrdiff_t>(tie && half % 2 != 0 ? half + 1 : half);
}

// The whole photo's size after the resize, before any crop or padding.
inline image_size resized_size(const preset& p, image_size photo) {
    check_size(photo, "photo");
    if (p.rule == resize_rule::stretch || p.rule == resize_rule::centre_crop || is_fit(p))
        check_size({p.width, p.height}, "network input");
    if (p.rule == resize_rule::stretch)
        return {p.width, p.height};
    if (is_fit(p))
        return p.one_ratio ? one_scale_size(photo, {p.width, p.height})
                           : letterbox_size(photo, {p.width, p.height});
    check_size({p.shorter, p.shorter}, "shorter side of the resized photo");
    return p.rule == resize_rule::bounded_sides ? bounded_size(photo, p.shorter, p.longer)
                                                : shorter_side_size(photo, p.shorter);
}

} // namespace detail

// Size of the network's input for one photo: what to plan the forward pass for. A batch takes the maximum of
// each side. Throws input_error for an empty photo, or when an unreasonably long photo would make a huge
// input.
inline image_size output_size(const preset& p, image_size photo) {
    const image_size resized = detail::resized_size(p, photo);
    if (p.rule != resize_rule::bounded_sides && p.rule != resize_rule::shorter_side)
        return {p.width, p.height};
    detail::check_size(resized, "resized photo");
    if (resized.width * resized.height > detail::max_resized_pixels)
        throw input_error("resized photo: expected at most " + std::to_string(detail::max_resized_pixels) +
                          " pixels, got " + std::to_string(resized.width) + "x" +
                          std::to_string(resized.height));
    const std::size_t multiple = p.rule == resize_rule::bounded_sides ? p.multiple : 1;
    return {detail::round_up(resized.width, multiple), detail::round_up(resized.height, multiple)};
}

// How boxes of that input map to the photo and back.
inline placement placement_of(const preset& p, image_size photo) {
    const image_size resized = detail::resized_size(p, photo);
    placement where;
    where.content = resized;
    where.ratio_x = static_cast<float>(photo.width) / static_cast<float>(resized.width);
    where.ratio_y = static_cast<float>(photo.height) / static_cast<float>(resized.height);
    if (p.one_ratio && detail::is_fit(p))
        where.ratio_x = where.ratio_y =
            static_cast<float>(1.0 / detail::one_scale(photo, {p.width, p.height}));
    if (p.rule == resize_rule::centre_crop) {
        where.content = {p.width, p.height};
        where.offset_x = -static_cast<float>(detail::crop_begin(resized.width, p.width));
        where.offset_y = -static_cast<float>(detail::crop_begin(resized.height, p.height));
    }
    return where;
}

} // namespace fovea
