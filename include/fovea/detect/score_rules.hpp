// GluonCV's two ways to read the class scores of anchors, before box decoding and NMS.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace fovea {

// Class of a score that is not above the threshold; the score itself is then 0.
inline constexpr std::int64_t no_class = -1;

// For each anchor the most probable foreground class, counted from 0 without background, and its probability
// (GluonCV MultiClassDecoder; the first of equal ones). probabilities [anchors, classes] with class 0 =
// background; ids and scores [anchors]. Throws input_error without a foreground class. Sizes must agree.
inline void best_class_scores(view<const float, 2> probabilities, float threshold, span<std::int64_t> ids,
                              span<float> scores) {
    const std::size_t anchors = probabilities.extent(0), classes = probabilities.extent(1);
    if (classes < 2 || ids.size() != anchors || scores.size() != anchors)
        throw input_error("best_class_scores: needs two classes or more and ids and scores for each anchor");
    for (std::size_t i = 0; i < anchors; ++i) {
        const float* const foreground = probabilities.data() + i * classes + 1;
        const float* const best = std::max_element(foreground, foreground + (classes - 1));
        const bool above = *best > threshold;
        ids[i] = above ? best - foreground : no_class;
        scores[i] = above ? *best : 0.0F;
    }
}

// For each anchor every foreground class and its probability (GluonCV MultiPerClassDecoder). ids and scores
// [anchors, classes - 1]; throws input_error when they are not.
inline void every_class_scores(view<const float, 2> probabilities, float threshold, view<std::int64_t, 2> ids,
                               view<float, 2> scores) {
    const std::size_t anchors = probabilities.extent(0), classes = probabilities.extent(1);
    if (classes < 1 || ids.size() != anchors * (classes - 1) || scores.shape() != ids.shape())
        throw input_error("every_class_scores: ids and scores must be anchors x (classes - 1)");
    for (std::size_t i = 0; i < anchors; ++i)
        for (std::size_t c = 0; c + 1 < classes; ++c) {
            const float probability = probabilities(i, c + 1);
            const bool above = probability > threshold;
            ids(i, c) = above ? static_cast<std::int64_t>(c) : no_class;
            scores(i, c) = above ? probability : 0.0F;
        }
}

} // namespace fovea
