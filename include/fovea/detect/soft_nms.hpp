// Soft-NMS (Bodla et al., 2017): overlapping boxes lose score instead of being removed.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/detect/label_offset.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

enum class soft_nms_decay {
    linear,  // score * (1 - IoU) where IoU > iou_threshold
    gaussian // score * exp(-IoU^2 / sigma) everywhere
};

struct soft_nms_settings {
    soft_nms_decay decay = soft_nms_decay::gaussian;
    float sigma = 0.5F;
    float iou_threshold = 0.3F;
    float score_threshold = 0.001F; // boxes whose score falls to this or below are dropped
    // google/automl's numpy form (nms_np.py): corners are pixels, so that sides are x2 - x1 + 1, and boxes
    // whose score falls to the threshold stay.
    bool pixel_corners = false;
};

// A box that stays, by its number in the input, with its decayed score.
struct rescored_box {
    std::size_t index = 0;
    float score = 0;
};

namespace detail {

inline void check(const soft_nms_settings& s) {
    if (!(s.sigma > 0) || std::isnan(s.iou_threshold) || std::isnan(s.score_threshold))
        throw input_error("soft_nms: sigma must be positive and no threshold NaN");
}

inline float soft_nms_factor(float overlap, const soft_nms_settings& settings) noexcept {
    if (settings.decay == soft_nms_decay::linear)
        return overlap > settings.iou_threshold ? 1.0F - overlap : 1.0F;
    return std::exp(-rounded(overlap * overlap) / settings.sigma);
}

// IoU with 0 instead of NaN for empty boxes.
inline float iou_or_zero(const box& a, const box& b) noexcept {
    return intersection_area(a, b) > 0 ? iou(a, b) : 0;
}

// The box that has the sides of pixel_corners.
inline box with_last_pixel(const box& b, const soft_nms_settings& settings) noexcept {
    return settings.pixel_corners ? box{b.x1, b.y1, b.x2 + 1.0F, b.y2 + 1.0F} : b;
}

inline bool survives(float score, const soft_nms_settings& settings) noexcept {
    return score > settings.score_threshold || (settings.pixel_corners && score == settings.score_threshold);
}

} // namespace detail

// The boxes that stay in descending order of decayed score, equal scores by number; the first is always
// there. Quadratic in the number of boxes. NaN scores are never picked. Throws input_error for unequal counts
// and settings out of range. Source: effdet's soft_nms, whose areas have no +1; with pixel_corners
// google/automl's.
inline std::vector<rescored_box> soft_nms(span<const box> boxes, span<const float> scores,
                                          const soft_nms_settings& settings = {}) {
    detail::check(settings);
    if (scores.size() != boxes.size())
        throw input_error("soft_nms: " + std::to_string(boxes.size()) + " boxes, but " +
                          std::to_string(scores.size()) + " scores");
    std::vector<rescored_box> open, picked;
    open.reserve(boxes.size());
    picked.reserve(boxes.size());
    for (std::size_t i = 0; i < boxes.size(); ++i)
        if (!std::isnan(scores[i]))
            open.push_back({i, scores[i]});
    while (!open.empty()) {
        const auto best = std::max_element(open.begin(), open.end(),
                                           [](const auto& a, const auto& b) { return a.score < b.score; });
        const rescored_box pick = *best;
        picked.push_back(pick);
        open.erase(best);
        const box picked_box = detail::with_last_pixel(boxes[pick.index], settings);
        for (rescored_box& other : open)
            other.score *= detail::soft_nms_factor(
                detail::iou_or_zero(picked_box, detail::with_last_pixel(boxes[other.index], settings)),
                settings);
        open.erase(
            std::remove_if(open.begin(), open.end(),
                           [&](const rescored_box& b) { return !detail::survives(b.score, settings); }),
            open.end());
    }
    return picked;
}

// soft_nms() among the boxes of each label, which moved_by_label() sets apart, as effdet does.
inline std::vector<rescored_box> batched_soft_nms(span<const box> boxes, span<const float> scores,
                                                  span<const int> labels,
                                                  const soft_nms_settings& settings = {}) {
    if (labels.size() != boxes.size())
        throw input_error("batched_soft_nms: " + std::to_string(boxes.size()) + " boxes, but " +
                          std::to_string(labels.size()) + " labels");
    std::vector<box> moved(boxes.size());
    const float largest = largest_coordinate(boxes);
    for (std::size_t i = 0; i < boxes.size(); ++i)
        moved[i] = moved_by_label(boxes[i], labels[i], largest);
    return soft_nms(moved, scores, settings);
}

} // namespace fovea
