// What the losses of all detectors accept: anchors, and the sizes of a batch.
#pragma once

#include <fovea/train/loss/reduction.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <cstddef>
#include <string>

namespace fovea {

namespace loss_detail {

// Throws input_error for an anchor that is not finite or has no area.
inline void require_trainable(const char* who, span<const box> anchors) {
    for (std::size_t a = 0; a < anchors.size(); ++a)
        if (!is_trainable(anchors[a]))
            throw input_error(std::string(who) + ": anchor " + std::to_string(a) + " " +
                              describe(anchors[a]) + " is not finite or has no area");
}

// Throws input_error for outputs and gradients that have not num_classes and 4 numbers a row, and for one
// gradient of two.
template <class T>
void require_rows(const char* who, std::size_t rows, std::size_t num_classes, span<const T> cls_logits,
                  span<const T> bbox_regression, span<T> cls_gradient, span<T> bbox_gradient) {
    require_size(who, "cls_logits", cls_logits.size(), rows * num_classes);
    require_size(who, "bbox_regression", bbox_regression.size(), rows * 4);
    if (cls_gradient.empty() != bbox_gradient.empty() && rows > 0)
        throw input_error(std::string(who) + ": one of the two gradients is empty, expected both or none");
    require_optional(who, "cls_gradient", cls_gradient.size(), rows * num_classes);
    require_optional(who, "bbox_gradient", bbox_gradient.size(), rows * 4);
}

} // namespace loss_detail

} // namespace fovea
