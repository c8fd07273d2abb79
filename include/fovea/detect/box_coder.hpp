// Boxes to and from what a network regresses: offsets relative to an anchor.
#pragma once

#include <fovea/detect/box.hpp>

#include <algorithm>
#include <cmath>

namespace fovea {

// What the regression head outputs for an anchor: centre shift in anchor sides and log scale, times the
// weights.
struct box_offsets {
    float dx = 0, dy = 0, dw = 0, dh = 0;
};

// Source: torchvision BoxCoder (models/detection/_utils.py). Weights of SSD and Faster R-CNN's box head are
// 10, 10, 5, 5; those of the RPN are 1. Boxes and anchors share a unit, pixels for torchvision.
struct box_coder {
    float wx = 10, wy = 10, ww = 5, wh = 5;
    float max_log_scale = 4.135166556742356F; // log(1000 / 16): bbox_xform_clip, limits growth to 62.5 times

    // The box that offsets select from an anchor. NaN offsets give NaN coordinates.
    box decode(const box_offsets& offsets, const box& anchor) const noexcept {
        const float width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
        const float cx = rounded(offsets.dx / wx * width) + (anchor.x1 + 0.5F * width);
        const float cy = rounded(offsets.dy / wy * height) + (anchor.y1 + 0.5F * height);
        const float half_width = 0.5F * scaled(width, offsets.dw / ww);
        const float half_height = 0.5F * scaled(height, offsets.dh / wh);
        return {cx - half_width, cy - half_height, cx + half_width, cy + half_height};
    }

    // The offsets from which decode() gets `target` back. Not finite for empty anchors or targets.
    box_offsets encode(const box& target, const box& anchor) const noexcept {
        const float width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
        const float target_width = target.x2 - target.x1, target_height = target.y2 - target.y1;
        const float shift_x = (target.x1 + 0.5F * target_width) - (anchor.x1 + 0.5F * width);
        const float shift_y = (target.y1 + 0.5F * target_height) - (anchor.y1 + 0.5F * height);
        return {wx * shift_x / width, wy * shift_y / height, ww * std::log(target_width / width),
                wh * std::log(target_height / height)};
    }

private:
    // NaN stays NaN: it is not above the limit.
    float scaled(float side, float log_scale) const noexcept {
        return rounded(std::exp(log_scale > max_log_scale ? max_log_scale : log_scale) * side);
    }
};

} // namespace fovea
