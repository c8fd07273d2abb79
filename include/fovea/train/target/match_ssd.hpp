// Which object each default box of an SSD has to learn: torchvision's SSDMatcher without a matrix of
// overlaps.
#pragma once

#include <fovea/train/target/match.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace fovea {

// matches[a] becomes the object that anchor a has the largest IoU with (the first of equal ones) if that is
// at least `threshold`, else -1; then the anchor of largest IoU (again the first) of each object becomes that
// object's in any case, also when they do not overlap; of several objects that want one anchor the last gets
// it. No objects: all -1. `areas` are the anchors', `overlaps` is memory for this function; all spans but
// `objects` have one size. Source: torchvision SSDMatcher (models/detection/_utils.py), float arithmetic in
// the order of box_iou.
inline void match_ssd(span<const box> anchors, span<const float> areas, span<const box> objects,
                      float threshold, span<int> matches, span<float> overlaps) noexcept {
    std::fill(matches.begin(), matches.end(), below_low_threshold);
    std::fill(overlaps.begin(), overlaps.end(), -1.0F);
    if (anchors.empty())
        return;
    for (std::size_t k = 0; k < objects.size(); ++k) {
        const std::size_t best =
            match_object(anchors, areas, objects[k], static_cast<int>(k), matches, overlaps);
        matches[best] = static_cast<int>(k);
        overlaps[best] = std::numeric_limits<float>::infinity(); // later objects cannot take it by overlap
    }
    for (std::size_t a = 0; a < anchors.size(); ++a)
        if (!(overlaps[a] >= threshold))
            matches[a] = below_low_threshold;
}

} // namespace fovea
