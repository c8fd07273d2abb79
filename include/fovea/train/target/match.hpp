// What an anchor's match can be besides the number of an object, and the pass over anchors that matchers share.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/tensor/view.hpp>

#include <cstddef>

namespace fovea {

// As in torchvision's Matcher; GluonCV's matchers know only the first.
inline constexpr int below_low_threshold = -1;
inline constexpr int between_thresholds = -2;

// What mine_hard_negatives() makes of below_low_threshold.
inline constexpr int hard_negative = -3;

// Anchors whose IoU with `object` is above overlaps[a] become object `number`'s, with that IoU. Returns the
// anchor of largest IoU, the first of equal ones; 0 when there is none. `areas` are the anchors'; float
// arithmetic in the order of torchvision's box_iou. No matrix of overlaps is ever made.
inline std::size_t match_object(span<const box> anchors, span<const float> areas, const box& object,
                                int number, span<int> matches, span<float> overlaps) noexcept {
    const float object_area = area(object);
    std::size_t best = 0;
    float largest = -1;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        const float overlap = iou(object, object_area, anchors[a], areas[a]);
        if (overlap > overlaps[a]) {
            overlaps[a] = overlap;
            matches[a] = number;
        }
        if (overlap > largest) {
            largest = overlap;
            best = a;
        }
    }
    return best;
}

} // namespace fovea
