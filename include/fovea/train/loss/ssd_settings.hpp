// The choices of SSD's loss and what it returns, shared by the fast form and its reference.
#pragma once

#include <fovea/detect/box_coder.hpp>
#include <fovea/error.hpp>
#include <fovea/train/loss/box_iou.hpp>

#include <cstddef>
#include <string>

namespace fovea {

enum class ssd_box_loss {
    smooth_l1, // of the encoded offsets, as torchvision
    giou,      // of the decoded box in pixels
    diou,
    ciou
};

enum class ssd_class_loss {
    hard_negatives, // cross-entropy of positives and of the worst negatives, as torchvision
    focal           // softmax focal loss of all anchors
};

// Names and defaults are those of torchvision's SSD and SSDMatcher.
struct ssd_loss_settings {
    float iou_thresh = 0.5F;     // anchors that overlap an object this much learn it
    double neg_to_pos_ratio = 3; // hard negatives an image for each of its positives
    box_coder coder{};           // 10, 10, 5, 5
    ssd_box_loss box_loss = ssd_box_loss::smooth_l1;
    double beta = 1; // of smooth L1
    ssd_class_loss class_loss = ssd_class_loss::hard_negatives;
    double alpha = 0.25;   // focal: weight of objects, 1 - alpha of the background; negative: none
    double gamma = 2;      // focal: exponent of 1 - p
    double box_weight = 1; // of the two losses and their gradients
    double class_weight = 1;
};

// Both divided by the positives of the batch, at least 1. NaN when a logit or an offset that counts is.
struct ssd_loss_values {
    double classification = 0;
    double bbox_regression = 0;
    std::size_t positives = 0; // anchors that learn an object, of the whole batch

    double total() const noexcept { return classification + bbox_regression; }
};

// Throws input_error for a number that is NaN or out of range.
inline void check(const ssd_loss_settings& s) {
    const auto require = [](bool good, const char* name, double value, const char* expected) {
        if (!good)
            throw input_error(std::string("ssd_loss: ") + name + " is " + std::to_string(value) +
                              ", expected " + expected);
    };
    const auto number = [&](const char* name, double value) {
        require(value >= 0 && value <= 1e9, name, value, "0 or more");
    };
    require(s.iou_thresh >= 0 && s.iou_thresh <= 1, "iou_thresh", static_cast<double>(s.iou_thresh),
            "0 .. 1");
    number("neg_to_pos_ratio", s.neg_to_pos_ratio);
    number("beta", s.beta);
    require(s.alpha <= 1, "alpha", s.alpha, "at most 1");
    number("gamma", s.gamma);
    number("box_weight", s.box_weight);
    number("class_weight", s.class_weight);
    for (float weight : {s.coder.wx, s.coder.wy, s.coder.ww, s.coder.wh})
        require(weight > 0 && weight <= 1e9F, "a weight of the box coder", static_cast<double>(weight),
                "above 0");
}

} // namespace fovea
