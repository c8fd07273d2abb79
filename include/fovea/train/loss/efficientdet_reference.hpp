// The definition of EfficientDet's loss, step by step as the references compute it, for any number type: what
// efficientdet_loss is tested against.
#pragma once

#include <fovea/train/loss/efficientdet_box.hpp>
#include <fovea/train/loss/efficientdet_checks.hpp>
#include <fovea/train/loss/efficientdet_focal.hpp>
#include <fovea/train/target/matcher.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

namespace fovea {

namespace loss_detail {

// matches [anchors] of one image, by the matrix of overlaps.
inline std::vector<int> efficientdet_choices(span<const box> anchors, span<const box> objects,
                                             const efficientdet_matching& rule) {
    std::vector<float> overlaps(objects.size() * anchors.size());
    box_iou(objects, anchors, overlaps);
    std::vector<int> matches(anchors.size());
    matcher{rule.positive, rule.negative}(overlaps, matches);
    for (std::size_t k = objects.size(); rule.forced && k-- > 0 && !anchors.empty();) {
        const auto row = overlaps.begin() + static_cast<std::ptrdiff_t>(k * anchors.size());
        const auto best = std::max_element(row, row + static_cast<std::ptrdiff_t>(anchors.size())) - row;
        matches[static_cast<std::size_t>(best)] = static_cast<int>(k);
    }
    return matches;
}

} // namespace loss_detail

// Arguments, results and errors of efficientdet_loss. Sequential, allocates.
template <class T>
efficientdet_loss_values efficientdet_loss_reference(span<const box> anchors, std::size_t num_classes,
                                                     const efficientdet_loss_settings& settings,
                                                     span<const T> cls_logits, span<const T> bbox_regression,
                                                     span<const ground_truth> targets, span<T> cls_gradient,
                                                     span<T> bbox_gradient) {
    using namespace loss_detail;
    check_efficientdet_loss(anchors, num_classes, settings);
    check_efficientdet_batch(anchors.size(), num_classes, cls_logits, bbox_regression, targets, cls_gradient,
                             bbox_gradient);
    std::vector<std::vector<int>> matches;
    std::vector<std::size_t> positives;
    efficientdet_loss_values values;
    for (const ground_truth& objects : targets) {
        matches.push_back(efficientdet_choices(anchors, objects.boxes, settings.matching));
        positives.push_back(static_cast<std::size_t>(
            std::count_if(matches.back().begin(), matches.back().end(), [](int m) { return m >= 0; })));
        values.positives += positives.back();
    }
    std::fill(cls_gradient.begin(), cls_gradient.end(), T(0));
    std::fill(bbox_gradient.begin(), bbox_gradient.end(), T(0));
    for (std::size_t row = 0; row < targets.size() * anchors.size(); ++row) {
        const std::size_t image = row / anchors.size(), anchor = row % anchors.size();
        const ground_truth& objects = targets[image];
        const efficientdet_scales scales =
            scales_of(settings, targets.size(), objects.boxes.size(), positives[image], values.positives);
        const int match = matches[image][anchor];
        if (match == between_thresholds)
            continue;
        const int label = match >= 0 ? objects.labels[static_cast<std::size_t>(match)] : 0;
        for (std::size_t c = 0; c < num_classes; ++c) {
            const T target = static_cast<int>(c) + 1 == label ? T(1) : T(0);
            const value_and_slope<T> at = clamped_focal(cls_logits[row * num_classes + c], target, settings);
            values.classification += scales.classification * static_cast<double>(at.value);
            if (!cls_gradient.empty())
                cls_gradient[row * num_classes + c] = static_cast<T>(scales.classification) * at.slope;
        }
        if (match < 0)
            continue;
        deltas_of<T> predicted;
        std::copy_n(bbox_regression.begin() + row * 4, 4, predicted.begin());
        const efficientdet_box_result<T> loss = efficientdet_box(
            settings, predicted, objects.boxes[static_cast<std::size_t>(match)], anchors[anchor]);
        values.bbox_regression += scales.bbox_regression * static_cast<double>(loss.value);
        for (std::size_t k = 0; k < 4 && !bbox_gradient.empty(); ++k)
            bbox_gradient[row * 4 + k] = static_cast<T>(scales.bbox_regression) * loss.gradient[k];
    }
    return values;
}

} // namespace fovea
