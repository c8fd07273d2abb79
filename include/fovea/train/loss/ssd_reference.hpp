// The definition of SSD's loss, step by step as torchvision computes it, for any number type: what ssd_loss
// is tested against.
#pragma once

#include <fovea/train/loss/cross_entropy.hpp>
#include <fovea/train/loss/focal.hpp>
#include <fovea/train/loss/hard_negatives.hpp>
#include <fovea/train/loss/ssd_box.hpp>
#include <fovea/train/loss/ssd_checks.hpp>
#include <fovea/train/target/matcher.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

namespace loss_detail {

// matches [anchors] of one image: objects, hard negatives, and anchors that learn nothing.
template <class T>
std::vector<int> ssd_choices(span<const box> anchors, const ground_truth& objects, span<const T> cls_logits,
                             std::size_t num_classes, const ssd_loss_settings& settings) {
    std::vector<float> overlaps(objects.boxes.size() * anchors.size());
    box_iou(objects.boxes, anchors, overlaps);
    std::vector<int> matches(anchors.size());
    ssd_matcher{settings.iou_thresh}(overlaps, matches);
    std::vector<T> losses(anchors.size());
    std::size_t positives = 0;
    for (std::size_t a = 0; a < anchors.size(); ++a) {
        losses[a] = static_cast<T>(
            smoothed_cross_entropy<T>(cls_logits.subspan(a * num_classes, num_classes), 0, 0, 0, {}));
        positives += matches[a] >= 0 ? 1U : 0U;
    }
    std::vector<std::uint32_t> order(anchors.size());
    mine_hard_negatives<T>(losses, hard_negative_count(settings.neg_to_pos_ratio, positives), matches, order);
    return matches;
}

// The class loss of one row, and scale times its gradient.
template <class T>
double ssd_class(span<const T> logits, int label, double scale, const ssd_loss_settings& settings,
                 span<T> gradient) noexcept {
    const auto target = static_cast<std::size_t>(label);
    const double entropy = smoothed_cross_entropy<T>(logits, target, 0, scale, gradient);
    if (settings.class_loss != ssd_class_loss::focal)
        return entropy;
    const value_and_slope<double> focal =
        softmax_focal(entropy, focal_weight(settings.alpha, label), settings.gamma);
    for (T& g : gradient)
        g *= static_cast<T>(focal.slope);
    return focal.value;
}

} // namespace loss_detail

// Arguments, results and errors of ssd_loss. Sequential, allocates.
template <class T>
ssd_loss_values ssd_loss_reference(span<const box> anchors, std::size_t num_classes,
                                   const ssd_loss_settings& settings, span<const T> cls_logits,
                                   span<const T> bbox_regression, span<const ground_truth> targets,
                                   span<T> cls_gradient, span<T> bbox_gradient) {
    using namespace loss_detail;
    check_ssd_loss(anchors, num_classes, settings);
    check_ssd_batch(anchors.size(), num_classes, cls_logits, bbox_regression, targets, cls_gradient,
                    bbox_gradient);
    const std::size_t image_logits = anchors.size() * num_classes;
    std::vector<std::vector<int>> matches;
    ssd_loss_values values;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        matches.push_back(ssd_choices<T>(
            anchors, targets[i], cls_logits.subspan(i * image_logits, image_logits), num_classes, settings));
        for (int match : matches.back())
            values.positives += match >= 0 ? 1U : 0U;
    }
    const double normalizer = static_cast<double>(std::max<std::size_t>(1, values.positives));
    const double class_scale = settings.class_weight / normalizer,
                 box_scale = settings.box_weight / normalizer;
    std::fill(cls_gradient.begin(), cls_gradient.end(), T(0));
    std::fill(bbox_gradient.begin(), bbox_gradient.end(), T(0));
    for (std::size_t row = 0; row < targets.size() * anchors.size(); ++row) {
        const ground_truth& objects = targets[row / anchors.size()];
        const std::size_t anchor = row % anchors.size();
        const int match = matches[row / anchors.size()][anchor];
        const int label = match >= 0 ? objects.labels[static_cast<std::size_t>(match)] : 0;
        if (match >= 0 || match == hard_negative || settings.class_loss == ssd_class_loss::focal)
            values.classification +=
                class_scale *
                ssd_class<T>(cls_logits.subspan(row * num_classes, num_classes), label, class_scale, settings,
                             cls_gradient.empty() ? cls_gradient
                                                  : cls_gradient.subspan(row * num_classes, num_classes));
        if (match < 0)
            continue;
        offsets_of<T> predicted;
        std::copy_n(bbox_regression.begin() + row * 4, 4, predicted.begin());
        const ssd_box_result<T> loss =
            ssd_box(settings, predicted, objects.boxes[static_cast<std::size_t>(match)], anchors[anchor]);
        values.bbox_regression += box_scale * static_cast<double>(loss.value);
        for (std::size_t k = 0; k < 4 && !bbox_gradient.empty(); ++k)
            bbox_gradient[row * 4 + k] = static_cast<T>(box_scale) * loss.gradient[k];
    }
    return values;
}

} // namespace fovea
