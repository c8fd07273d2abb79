// GluonCV's matchers of anchors and objects: bipartite, maximum, and the two composed for SSD.
#pragma once

#include <fovea/train/target/matcher.hpp>

#include <algorithm>
#include <cstddef>

namespace fovea {

// All take overlaps [objects, anchors] as box_iou() gives them and write matches [anchors]: the number of an
// object, or below_low_threshold. Without objects nothing matches. They throw input_error for sizes that do
// not fit. Source: gluoncv/nn/matcher.py.

// Pairs in descending order of overlap while it is above `threshold`, each object and each anchor once:
// MXNet's bipartite_matching, GluonCV's BipartiteMatcher(share_max=False). Of equal overlaps the first
// anchor, then the first object, comes first.
inline void bipartite_match(span<const float> overlaps, span<int> matches, float threshold = 1e-12F) {
    const std::size_t anchors = matches.size();
    const std::size_t objects = target_detail::objects_of("bipartite_match", overlaps, matches);
    std::fill(matches.begin(), matches.end(), below_low_threshold);
    const auto is_free = [&](std::size_t object) {
        return std::find(matches.begin(), matches.end(), static_cast<int>(object)) == matches.end();
    };
    for (std::size_t pair = 0; pair < objects; ++pair) {
        float largest = threshold;
        std::size_t best_object = objects, best_anchor = anchors;
        for (std::size_t k = 0; k < objects; ++k) {
            if (!is_free(k))
                continue;
            for (std::size_t a = 0; a < anchors; ++a) {
                const float overlap = overlaps[k * anchors + a];
                if (matches[a] >= 0 || !(overlap >= largest) || !(overlap > threshold))
                    continue;
                if (overlap > largest || a < best_anchor) {
                    largest = overlap;
                    best_object = k;
                    best_anchor = a;
                }
            }
        }
        if (best_object == objects)
            return;
        matches[best_anchor] = static_cast<int>(best_object);
    }
}

// The object of largest overlap, the first of equal ones, where that is at least `threshold`: MaximumMatcher.
inline void maximum_match(span<const float> overlaps, span<int> matches, float threshold = 0.5F) {
    matcher{threshold, threshold}(overlaps, matches);
}

// Bipartite pairs first, then maximum matches for the other anchors: CompositeMatcher of the two, as
// GluonCV's SSD has it.
inline void composite_match(span<const float> overlaps, span<int> matches, float threshold = 0.5F) {
    bipartite_match(overlaps, matches);
    const std::size_t anchors = matches.size();
    const std::size_t objects = target_detail::objects_of("composite_match", overlaps, matches);
    for (std::size_t a = 0; a < anchors && objects > 0; ++a) {
        const std::size_t best = target_detail::best_object(overlaps, objects, anchors, a);
        if (matches[a] < 0 && overlaps[best * anchors + a] >= threshold)
            matches[a] = static_cast<int>(best);
    }
}

} // namespace fovea
