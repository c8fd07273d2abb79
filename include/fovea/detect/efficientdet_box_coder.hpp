// EfficientDet's box coder and clipping: four deltas, rows before columns, and no limit of growth.
#pragma once

#include <fovea/detect/box.hpp>

#include <algorithm>
#include <cmath>

namespace fovea {

// What the box net puts out for an anchor: centre shift in anchor sides, and log scale.
struct box_deltas {
    float dy = 0, dx = 0, dh = 0, dw = 0;
};

// Sources: decoding, zylo117's BBoxTransform (efficientdet/utils.py) and effdet's decode_box_outputs
// (anchors.py), which agree; encoding, what they learn from: zylo117's FocalLoss (efficientdet/loss.py) and
// effdet's FasterRcnnBoxCoder (object_detection/box_coder.py).
struct efficientdet_box_coder {
    float added_side = 0; // encode(): added to all sides. effdet 1e-7
    float least_side = 0; // encode(): sides of targets count as at least this many pixels. zylo117 1

    // The box that deltas select from an anchor. NaN deltas give NaN coordinates.
    box decode(const box_deltas& deltas, const box& anchor) const noexcept {
        const float width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
        const float cx = rounded(deltas.dx * width) + (anchor.x1 + anchor.x2) / 2;
        const float cy = rounded(deltas.dy * height) + (anchor.y1 + anchor.y2) / 2;
        const float half_width = rounded(std::exp(deltas.dw) * width) / 2;
        const float half_height = rounded(std::exp(deltas.dh) * height) / 2;
        return {cx - half_width, cy - half_height, cx + half_width, cy + half_height};
    }

    // The deltas from which decode() gets `target` back, but for the two settings. Not finite for empty
    // anchors or targets.
    box_deltas encode(const box& target, const box& anchor) const noexcept {
        const float width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
        const float target_width = target.x2 - target.x1, target_height = target.y2 - target.y1;
        const float shift_x = (target.x1 + 0.5F * target_width) - (anchor.x1 + 0.5F * width);
        const float shift_y = (target.y1 + 0.5F * target_height) - (anchor.y1 + 0.5F * height);
        const auto log_scale = [this](float to, float from) {
            return std::log((std::max(to, least_side) + added_side) / (from + added_side));
        };
        return {shift_y / (height + added_side), shift_x / (width + added_side),
                log_scale(target_height, height), log_scale(target_width, width)};
    }
};

// An image's sides, in pixels of the network's input; not whole where a photo was scaled to them.
struct image_extent {
    float height = 0, width = 0;

    constexpr image_extent() noexcept = default;
    constexpr image_extent(float h, float w) noexcept : height(h), width(w) {}
    constexpr image_extent(spatial_size s) noexcept
        : height(static_cast<float>(s.height)), width(static_cast<float>(s.width)) {}
};

// zylo117's ClipBoxes: left and top at least 0, right and bottom at most the last pixel; a box outside turns
// inside out. NaN stays NaN.
constexpr box clip_near_sides(const box& b, image_extent image) noexcept {
    const auto at_least_0 = [](float v) { return v < 0.0F ? 0.0F : v; };
    const auto at_most = [](float v, float limit) { return v > limit ? limit : v; };
    return {at_least_0(b.x1), at_least_0(b.y1), at_most(b.x2, image.width - 1.0F),
            at_most(b.y2, image.height - 1.0F)};
}

// effdet's clip_boxes_xyxy: all sides into the image. clip(), for sides that are not whole.
constexpr box clip_all_sides(const box& b, image_extent image) noexcept {
    const auto clamp = [](float v, float limit) { return v < 0.0F ? 0.0F : v > limit ? limit : v; };
    return {clamp(b.x1, image.width), clamp(b.y1, image.height), clamp(b.x2, image.width),
            clamp(b.y2, image.height)};
}

} // namespace fovea
