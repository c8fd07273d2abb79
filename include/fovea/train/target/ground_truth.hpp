// The objects of a training image as losses and target generators take them, and the check that they can be
// learnt.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <cmath>
#include <cstddef>
#include <string>

namespace fovea {

// The objects of one image; none is allowed. The memory belongs to the caller.
struct ground_truth {
    span<const box> boxes;  // corners in pixels of the network's input
    span<const int> labels; // one a box, 1 .. num_classes - 1 (0 is the background)
};

// Finite and with a positive width and height.
inline bool is_trainable(const box& b) noexcept {
    return std::isfinite(b.x1) && std::isfinite(b.y1) && std::isfinite(b.x2) && std::isfinite(b.y2) &&
           b.x2 > b.x1 && b.y2 > b.y1;
}

namespace loss_detail {

inline std::string describe(const box& b) {
    return "(" + std::to_string(b.x1) + ", " + std::to_string(b.y1) + ", " + std::to_string(b.x2) + ", " +
           std::to_string(b.y2) + ")";
}

} // namespace loss_detail

// Throws input_error that names `who`, the image and the object unless every image has one label a box, every
// box is_trainable() and every label is an object's: 1 .. num_classes - 1.
inline void check(span<const ground_truth> images, std::size_t num_classes, const char* who) {
    for (std::size_t i = 0; i < images.size(); ++i) {
        const ground_truth& image = images[i];
        const auto fail = [&](const std::string& what) {
            throw input_error(who + (": image " + std::to_string(i)) + what);
        };
        if (image.boxes.size() != image.labels.size())
            fail(" has " + std::to_string(image.boxes.size()) + " boxes and " +
                 std::to_string(image.labels.size()) + " labels");
        for (std::size_t k = 0; k < image.boxes.size(); ++k) {
            const int label = image.labels[k];
            if (label < 1 || static_cast<std::size_t>(label) >= num_classes)
                fail(", object " + std::to_string(k) + ": label " + std::to_string(label) +
                     " is outside 1 .. " + std::to_string(num_classes) + " - 1 (0 is the background)");
            if (!is_trainable(image.boxes[k]))
                fail(", object " + std::to_string(k) + ": box " + loss_detail::describe(image.boxes[k]) +
                     " is not finite or has no area");
        }
    }
}

} // namespace fovea
