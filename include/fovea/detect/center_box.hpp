// Boxes by center and size, as GluonCV keeps its anchors.
#pragma once

#include <fovea/detect/box.hpp>

namespace fovea {

// In pixels.
struct center_box {
    float cx = 0, cy = 0, width = 0, height = 0;
};

// GluonCV's BBoxCenterToCorner.
inline box to_corners(const center_box& b) noexcept {
    const float half_width = b.width * 0.5F, half_height = b.height * 0.5F;
    return {b.cx - half_width, b.cy - half_height, b.cx + half_width, b.cy + half_height};
}

// GluonCV's BBoxCornerToCenter.
inline center_box to_center(const box& b) noexcept {
    const float width = b.x2 - b.x1, height = b.y2 - b.y1;
    return {b.x1 + rounded(width * 0.5F), b.y1 + rounded(height * 0.5F), width, height};
}

} // namespace fovea
