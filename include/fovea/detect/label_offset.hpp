// Moving boxes of different labels apart, so that one pass of NMS treats each label on its own.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <limits>

namespace fovea {

// The largest coordinate of any box, NaN ignored; -infinity without boxes.
inline float largest_coordinate(span<const box> boxes) noexcept {
    float largest = -std::numeric_limits<float>::infinity();
    for (const box& b : boxes)
        largest = std::max({largest, b.x1, b.y1, b.x2, b.y2});
    return largest;
}

// b moved along both axes by label * (largest + 1) (torchvision _batched_nms_coordinate_trick). Boxes without
// negative coordinates then meet only those of their own label; the move costs last bits of IoU.
inline box moved_by_label(const box& b, int label, float largest) noexcept {
    const float offset = rounded(static_cast<float>(label) * (largest + 1.0F));
    return {b.x1 + offset, b.y1 + offset, b.x2 + offset, b.y2 + offset};
}

} // namespace fovea
