// The box of a detection and its arithmetic: the currency of anchors, box coders, NMS and decoders.
#pragma once

#include <fovea/math/rounded.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace fovea {

// Corners, usually in pixels, x to the right and y down; x2, y2 are outside the last pixel (width = x2 - x1).
struct box {
    float x1 = 0, y1 = 0, x2 = 0, y2 = 0;

    friend constexpr bool operator==(const box& a, const box& b) noexcept {
        return a.x1 == b.x1 && a.y1 == b.y1 && a.x2 == b.x2 && a.y2 == b.y2;
    }
    friend constexpr bool operator!=(const box& a, const box& b) noexcept { return !(a == b); }
};

// Height and width of an image or of a feature map.
struct spatial_size {
    std::size_t height = 0, width = 0;
};

// Every intermediate value below is rounded in torchvision's order of operations (torchvision/ops/boxes.py),
// because anchors that contain or lie inside an object tie exactly in IoU, and matchers and NMS decide by
// those ties.

inline float area(const box& b) noexcept {
    return rounded((b.x2 - b.x1) * (b.y2 - b.y1));
}

// Area of the overlap; 0 when the boxes are apart or a coordinate is NaN.
inline float intersection_area(const box& a, const box& b) noexcept {
    const float width = std::max(0.0F, std::min(a.x2, b.x2) - std::max(a.x1, b.x1));
    const float height = std::max(0.0F, std::min(a.y2, b.y2) - std::max(a.y1, b.y1));
    return rounded(width * height);
}

// Intersection over union of boxes whose areas are known. NaN when both boxes are empty.
inline float iou(const box& a, float area_a, const box& b, float area_b) noexcept {
    const float intersection = intersection_area(a, b);
    return intersection / (area_a + area_b - intersection);
}

inline float iou(const box& a, const box& b) noexcept {
    return iou(a, area(a), b, area(b));
}

// Generalised IoU (Rezatofighi et al., 2019): IoU minus the part of the smallest enclosing box that is in
// neither.
inline float giou(const box& a, const box& b) noexcept {
    const float intersection = intersection_area(a, b);
    const float union_area = area(a) + area(b) - intersection;
    const float width = std::max(0.0F, std::max(a.x2, b.x2) - std::min(a.x1, b.x1));
    const float height = std::max(0.0F, std::max(a.y2, b.y2) - std::min(a.y1, b.y1));
    const float enclosing = rounded(width * height);
    return intersection / union_area - (enclosing - union_area) / enclosing;
}

// The part of b inside an image of this size in pixels; a box outside collapses onto the border. NaN stays
// NaN.
constexpr box clip(const box& b, spatial_size image) noexcept {
    const auto width = static_cast<float>(image.width), height = static_cast<float>(image.height);
    const auto clamp = [](float v, float limit) { return v < 0.0F ? 0.0F : v > limit ? limit : v; };
    return {clamp(b.x1, width), clamp(b.y1, height), clamp(b.x2, width), clamp(b.y2, height)};
}

// Whether both sides have at least min_size (torchvision's remove_small_boxes keeps these).
constexpr bool has_min_size(const box& b, float min_size) noexcept {
    return b.x2 - b.x1 >= min_size && b.y2 - b.y1 >= min_size;
}

inline bool has_nan(const box& b) noexcept {
    return std::isnan(b.x1) || std::isnan(b.y1) || std::isnan(b.x2) || std::isnan(b.y2);
}

} // namespace fovea
