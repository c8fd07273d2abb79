// What EfficientDet's loss accepts, checked once for its fast form and its reference.
#pragma once

#include <fovea/train/loss/detection_checks.hpp>
#include <fovea/train/loss/efficientdet_settings.hpp>

#include <cstddef>
#include <limits>
#include <string>

namespace fovea {

namespace loss_detail {

// Throws input_error as the constructor of efficientdet_loss says.
inline void check_efficientdet_loss(span<const box> anchors, std::size_t num_classes,
                                    const efficientdet_loss_settings& settings) {
    check(settings);
    if (num_classes < 1)
        throw input_error("efficientdet_loss: 0 classes, expected at least one");
    require_trainable("efficientdet_loss", anchors);
}

// Throws input_error as efficientdet_loss::operator() says.
template <class T>
void check_efficientdet_batch(std::size_t anchors, std::size_t num_classes, span<const T> cls_logits,
                              span<const T> bbox_regression, span<const ground_truth> targets,
                              span<T> cls_gradient, span<T> bbox_gradient) {
    const std::size_t rows = targets.size() * anchors;
    const char* who = "efficientdet_loss";
    if (rows > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw input_error("efficientdet_loss: " + std::to_string(targets.size()) + " images of " +
                          std::to_string(anchors) + " anchors are too many");
    require_rows(who, rows, num_classes, cls_logits, bbox_regression, cls_gradient, bbox_gradient);
    check(targets, num_classes + 1, who);
}

} // namespace loss_detail

} // namespace fovea
