// What SSD's loss accepts, checked once for its fast form and its reference.
#pragma once

#include <fovea/train/loss/detection_checks.hpp>
#include <fovea/train/loss/ssd_settings.hpp>

#include <cstdint>
#include <limits>

namespace fovea {

namespace loss_detail {

// Throws input_error as the constructor of ssd_loss says.
inline void check_ssd_loss(span<const box> anchors, std::size_t num_classes,
                           const ssd_loss_settings& settings) {
    check(settings);
    if (num_classes < 2)
        throw input_error("ssd_loss: " + std::to_string(num_classes) +
                          " classes, expected the background and at least one more");
    if (anchors.size() > std::numeric_limits<std::uint32_t>::max())
        throw input_error("ssd_loss: " + std::to_string(anchors.size()) + " anchors are too many");
    require_trainable("ssd_loss", anchors);
}

// Throws input_error as ssd_loss::operator() says.
template <class T>
void check_ssd_batch(std::size_t anchors, std::size_t num_classes, span<const T> cls_logits,
                     span<const T> bbox_regression, span<const ground_truth> targets, span<T> cls_gradient,
                     span<T> bbox_gradient) {
    const std::size_t rows = targets.size() * anchors;
    const char* who = "ssd_loss";
    if (targets.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
        throw input_error("ssd_loss: " + std::to_string(targets.size()) + " images are too many");
    require_rows(who, rows, num_classes, cls_logits, bbox_regression, cls_gradient, bbox_gradient);
    check(targets, num_classes, who);
}

// Weight of an anchor in the focal loss: alpha for objects, the rest for the background.
inline double focal_weight(double alpha, int label) noexcept {
    return alpha < 0 ? 1.0 : label > 0 ? alpha : 1.0 - alpha;
}

} // namespace loss_detail

} // namespace fovea
