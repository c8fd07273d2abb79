// Anchors to objects by overlap, as torchvision's detectors match them: the matrix of overlaps, Matcher and
// SSDMatcher.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/target/match.hpp>

#include <algorithm>
#include <cstddef>
#include <string>

namespace fovea {

// overlaps [objects, anchors]: the IoU of every object with every anchor, in torchvision's arithmetic. Throws
// input_error for another size.
inline void box_iou(span<const box> objects, span<const box> anchors, span<float> overlaps) {
    if (overlaps.size() != objects.size() * anchors.size())
        throw input_error("box_iou: expected " + std::to_string(objects.size()) + " x " +
                          std::to_string(anchors.size()) + " places, got " + std::to_string(overlaps.size()));
    for (std::size_t k = 0; k < objects.size(); ++k)
        for (std::size_t a = 0; a < anchors.size(); ++a)
            overlaps[k * anchors.size() + a] = iou(objects[k], anchors[a]);
}

namespace target_detail {

inline std::size_t objects_of(const char* who, span<const float> overlaps, span<int> matches) {
    if (matches.empty() ? !overlaps.empty() : overlaps.size() % matches.size() != 0)
        throw input_error(std::string(who) + ": " + std::to_string(overlaps.size()) +
                          " overlaps are no multiple of " + std::to_string(matches.size()) + " anchors");
    return matches.empty() ? 0 : overlaps.size() / matches.size();
}

// The first object of largest overlap with an anchor, of at least one.
inline std::size_t best_object(span<const float> overlaps, std::size_t objects, std::size_t anchors,
                               std::size_t anchor) noexcept {
    std::size_t best = 0;
    for (std::size_t k = 1; k < objects; ++k)
        if (overlaps[k * anchors + anchor] > overlaps[best * anchors + anchor])
            best = k;
    return best;
}

} // namespace target_detail

// torchvision's Matcher (models/detection/_utils.py). matches [anchors] from overlaps [objects, anchors]: the
// object of largest overlap (the first of equal ones) if it reaches high_threshold, between_thresholds from
// low_threshold on, else below_low_threshold. With allow_low_quality_matches the anchors that an object
// overlaps most, all of equal ones, keep the object that they overlap most, however little. No objects: every
// anchor is below (torchvision refuses them).
struct matcher {
    float high_threshold, low_threshold;
    bool allow_low_quality_matches = false;

    // Throws input_error for sizes that do not fit and thresholds that are NaN or in the wrong order.
    void operator()(span<const float> overlaps, span<int> matches) const {
        if (!(low_threshold <= high_threshold))
            throw input_error("matcher: thresholds " + std::to_string(low_threshold) + " and " +
                              std::to_string(high_threshold) + " are not in order");
        const std::size_t anchors = matches.size();
        const std::size_t objects = target_detail::objects_of("matcher", overlaps, matches);
        std::fill(matches.begin(), matches.end(), below_low_threshold);
        if (objects == 0)
            return;
        for (std::size_t a = 0; a < anchors; ++a) {
            const std::size_t best = target_detail::best_object(overlaps, objects, anchors, a);
            const float overlap = overlaps[best * anchors + a];
            if (overlap >= high_threshold)
                matches[a] = static_cast<int>(best);
            else if (overlap >= low_threshold)
                matches[a] = between_thresholds;
        }
        if (allow_low_quality_matches)
            add_low_quality_matches(overlaps, objects, matches);
    }

private:
    static void add_low_quality_matches(span<const float> overlaps, std::size_t objects,
                                        span<int> matches) noexcept {
        const std::size_t anchors = matches.size();
        for (std::size_t k = 0; k < objects; ++k) {
            const span<const float> row = overlaps.subspan(k * anchors, anchors);
            const float largest = *std::max_element(row.begin(), row.end());
            for (std::size_t a = 0; a < anchors; ++a)
                if (row[a] == largest)
                    matches[a] = static_cast<int>(target_detail::best_object(overlaps, objects, anchors, a));
        }
    }
};

// torchvision's SSDMatcher: matches of at least `threshold`, and the anchor that an object overlaps most (the
// first of equal ones) in any case; of several objects that want one anchor the last gets it. match_ssd()
// does the same without the matrix. Throws as matcher.
struct ssd_matcher {
    float threshold = 0.5F;

    void operator()(span<const float> overlaps, span<int> matches) const {
        matcher{threshold, threshold}(overlaps, matches);
        const std::size_t anchors = matches.size();
        const std::size_t objects = target_detail::objects_of("ssd_matcher", overlaps, matches);
        for (std::size_t k = 0; k < objects; ++k) {
            const span<const float> row = overlaps.subspan(k * anchors, anchors);
            matches[static_cast<std::size_t>(std::max_element(row.begin(), row.end()) - row.begin())] =
                static_cast<int>(k);
        }
    }
};

} // namespace fovea
