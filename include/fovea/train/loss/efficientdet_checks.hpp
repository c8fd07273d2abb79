// What EfficientDet's loss accepts, checked once for its fast form and its reference.
#pragma once

#include <fovea/train/loss/efficientdet_settings.hpp>
#include <fovea/train/loss/reduction.hpp>
#include <fovea/train/target/ground_truth.hpp>

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
    for (std::size_t a = 0; a < anchors.size(); ++a)
        if (!is_trainable(anchors[a]))
            throw input_error("efficientdet_loss: anchor " + std::to_string(a) + " " + describe(anchors[a]) +
                              " is not finite or has no area");
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
    require_size(who, "cls_logits", cls_logits.size(), rows * num_classes);
    require_size(who, "bbox_regression", bbox_regression.size(), rows * 4);
    if (cls_gradient.empty() != bbox_gradient.empty() && rows > 0)
        throw input_error("efficientdet_loss: one of the two gradients is empty, expected both or none");
    require_optional(who, "cls_gradient", cls_gradient.size(), rows * num_classes);
    require_optional(who, "bbox_gradient", bbox_gradient.size(), rows * 4);
    check(targets, num_classes + 1, who);
}

} // namespace loss_detail

} // namespace fovea
