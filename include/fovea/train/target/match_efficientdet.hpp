// Which object each of EfficientDet's anchors has to learn: zylo117's rule and that of effdet and
// google/automl, without a matrix of overlaps.
#pragma once

#include <fovea/train/target/match.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>

namespace fovea {

// Defaults are zylo117's (efficientdet/loss.py).
struct efficientdet_matching {
    float positive = 0.5F; // an anchor learns the object that it overlaps most from this IoU on
    float negative = 0.4F; // and the background below this one; between them nothing
    bool forced = false;   // each object's best anchor learns it in any case

    // AnchorLabeler with ArgMaxMatcher(0.5, force_match_for_each_row=True) (effdet/anchors.py,
    // object_detection/argmax_matcher.py).
    static constexpr efficientdet_matching effdet() noexcept { return {0.5F, 0.5F, true}; }
};

// matches[a] becomes the object that anchor a has the largest IoU with (the first of equal ones),
// between_thresholds or below_low_threshold; overlaps[a] that IoU, 0 without objects and +infinity where an
// anchor was forced. Forced is the first anchor of largest IoU, also when it overlaps nothing; of several
// objects that want one anchor the first gets it. `areas` are the anchors'; all spans but `objects` have one
// size.
inline void match_efficientdet(span<const box> anchors, span<const float> areas, span<const box> objects,
                               const efficientdet_matching& rule, span<int> matches,
                               span<float> overlaps) noexcept {
    constexpr float taken = std::numeric_limits<float>::infinity();
    std::fill(matches.begin(), matches.end(), below_low_threshold);
    std::fill(overlaps.begin(), overlaps.end(), objects.empty() ? 0.0F : -1.0F);
    if (anchors.empty())
        return;
    for (std::size_t k = 0; k < objects.size(); ++k) {
        const std::size_t best =
            match_object(anchors, areas, objects[k], static_cast<int>(k), matches, overlaps);
        if (rule.forced && overlaps[best] != taken) {
            matches[best] = static_cast<int>(k);
            overlaps[best] = taken;
        }
    }
    for (std::size_t a = 0; a < anchors.size(); ++a)
        if (!(overlaps[a] >= rule.positive))
            matches[a] = overlaps[a] >= rule.negative ? between_thresholds : below_low_threshold;
}

} // namespace fovea
