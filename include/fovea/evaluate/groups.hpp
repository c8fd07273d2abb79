// Ground truth and detections put in order for evaluation: by category, then by image.
#pragma once

#include <fovea/error.hpp>
#include <fovea/evaluate/annotations.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace fovea {

// The boxes of one category in one image: objects as given, detections by descending score (equal ones as
// given).
struct evaluation_group {
    std::vector<annotated_box> objects;
    std::vector<scored_box> detections;
};

using category_groups = std::map<std::int64_t, evaluation_group>;  // by image
using evaluation_groups = std::map<std::int64_t, category_groups>; // by category

namespace detail {

inline void require_finite(const rectangle& box, double other, const char* what, std::size_t index) {
    if (!(std::isfinite(box.x) && std::isfinite(box.y) && std::isfinite(box.width) &&
          std::isfinite(box.height) && std::isfinite(other)))
        throw input_error(std::string("evaluation: ") + what + " " + std::to_string(index) +
                          " has a number that is not finite");
}

} // namespace detail

// Throws input_error for a number that is not finite.
inline evaluation_groups group_boxes(span<const annotated_box> objects, span<const scored_box> detections) {
    evaluation_groups groups;
    for (std::size_t i = 0; i < objects.size(); ++i) {
        detail::require_finite(objects[i].box, objects[i].area, "object", i);
        groups[objects[i].category_id][objects[i].image_id].objects.push_back(objects[i]);
    }
    for (std::size_t i = 0; i < detections.size(); ++i) {
        detail::require_finite(detections[i].box, detections[i].score, "detection", i);
        groups[detections[i].category_id][detections[i].image_id].detections.push_back(detections[i]);
    }
    for (auto& category : groups)
        for (auto& image : category.second) {
            std::vector<scored_box>& of_image = image.second.detections;
            std::stable_sort(of_image.begin(), of_image.end(),
                             [](const scored_box& a, const scored_box& b) { return a.score > b.score; });
        }
    return groups;
}

} // namespace fovea
