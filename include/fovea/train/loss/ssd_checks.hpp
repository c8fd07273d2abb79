// What SSD's loss accepts, checked once for its fast form and its reference.
#pragma once

#include <fovea/train/loss/reduction.hpp>
#include <fovea/train/loss/ssd_settings.hpp>
#include <fovea/train/target/ground_truth.hpp>

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
    for (std::size_t a = 0; a < anchors.size(); ++a)
        if (!is_trainable(anchors[a]))
            throw input_error("ssd_loss: anchor " + std::to_string(a) + " " + describe(anchors[a]) +
                              " is not finite or has no area");
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
    require_size(who, "cls_logits", cls_logits.size(), rows * num_classes);
    require_size(who, "bbox_regression", bbox_regression.size(), rows * 4);
    if (cls_gradient.empty() != bbox_gradient.empty() && rows > 0)
        throw input_error("ssd_loss: one of the two gradients is empty, expected both or none");
    require_optional(who, "cls_gradient", cls_gradient.size(), rows * num_classes);
    require_optional(who, "bbox_gradient", bbox_gradient.size(), rows * 4);
    check(targets, num_classes, who);
}

// Weight of an anchor in the focal loss: alpha for objects, the rest for the background.
inline double focal_weight(double alpha, int label) noexcept {
    return alpha < 0 ? 1.0 : label > 0 ? alpha : 1.0 - alpha;
}

} // namespace loss_detail

} // namespace fovea
