// The choices of EfficientDet's loss and what it returns, shared by the fast form and its reference.
#pragma once

#include <fovea/detect/efficientdet_box_coder.hpp>
#include <fovea/error.hpp>
#include <fovea/train/loss/focal.hpp>
#include <fovea/train/target/match_efficientdet.hpp>

#include <cstddef>
#include <string>

namespace fovea {

enum class efficientdet_box_loss {
    smooth_l1, // of the encoded deltas, as zylo117
    huber,     // of the encoded deltas, as effdet and google/automl
    giou,      // of the decoded box in pixels
    diou,
    ciou
};

enum class efficientdet_normalizer {
    image_positives, // by each image's positives, at least 1, then the mean of the images; an image without
                     // objects is not divided (zylo117)
    batch_positives  // by the positives of the batch and 1 (effdet, google/automl)
};

// Defaults are zylo117's (efficientdet/loss.py).
struct efficientdet_loss_settings {
    efficientdet_matching matching{};
    efficientdet_box_coder coder{0, 1};
    double alpha = 0.25, gamma = 2;  // focal: weight of positives (negative: none), exponent of 1 - p
    double label_smoothing = 0;      // focal: of the cross-entropy only
    double least_probability = 1e-4; // scores are clamped to this .. 1 - this; 0: they are not
    efficientdet_box_loss box_loss = efficientdet_box_loss::smooth_l1;
    double width = 1.0 / 9;          // beta of smooth L1, delta of Huber
    bool skips_zero_targets = false; // a delta that is exactly 0 is not learnt
    efficientdet_normalizer normalizer = efficientdet_normalizer::image_positives;
    double box_weight = 50; // of the two losses and their gradients
    double class_weight = 1;

    static constexpr efficientdet_loss_settings zylo117() noexcept { return {}; }
    // effdet/loss.py with its default configuration, and google/automl's det_model_fn.py.
    static constexpr efficientdet_loss_settings effdet() noexcept {
        efficientdet_loss_settings s;
        s.matching = efficientdet_matching::effdet();
        s.coder = {1e-7F, 0};
        s.gamma = 1.5;
        s.least_probability = 0;
        s.box_loss = efficientdet_box_loss::huber;
        s.width = 0.1;
        s.skips_zero_targets = true;
        s.normalizer = efficientdet_normalizer::batch_positives;
        return s;
    }
};

// With their weights. Losses of deltas are divided by 4 times the normalizer, a mean over deltas; those of
// decoded boxes by the normalizer. NaN when a logit or a delta that counts is.
struct efficientdet_loss_values {
    double classification = 0;
    double bbox_regression = 0;
    std::size_t positives = 0; // anchors that learn an object, of the whole batch

    double total() const noexcept { return classification + bbox_regression; }
};

namespace loss_detail {

inline focal_settings focal_of(const efficientdet_loss_settings& s) noexcept {
    return {s.alpha, s.gamma, s.label_smoothing, reduction::sum};
}

// What an image's losses are multiplied by.
struct efficientdet_scales {
    double classification = 0, bbox_regression = 0;
};
inline efficientdet_scales scales_of(const efficientdet_loss_settings& s, std::size_t images,
                                     std::size_t objects, std::size_t positives,
                                     std::size_t batch_positives) noexcept {
    const bool of_deltas =
        s.box_loss == efficientdet_box_loss::smooth_l1 || s.box_loss == efficientdet_box_loss::huber;
    double by = static_cast<double>(batch_positives) + 1;
    if (s.normalizer == efficientdet_normalizer::image_positives)
        by = static_cast<double>(images) *
             static_cast<double>(objects == 0 ? 1 : std::max<std::size_t>(1, positives));
    return {s.class_weight / by, s.box_weight / (of_deltas ? 4 * by : by)};
}

} // namespace loss_detail

// Throws input_error for a number that is NaN or out of range.
inline void check(const efficientdet_loss_settings& s) {
    const auto require = [](bool good, const char* name, double value, const char* expected) {
        if (!good)
            throw input_error(std::string("efficientdet_loss: ") + name + " is " + std::to_string(value) +
                              ", expected " + expected);
    };
    const auto number = [&](const char* name, double value) {
        require(value >= 0 && value <= 1e9, name, value, "0 or more");
    };
    const double positive = static_cast<double>(s.matching.positive),
                 negative = static_cast<double>(s.matching.negative);
    require(positive >= 0 && positive <= 1, "matching.positive", positive, "0 .. 1");
    require(negative >= 0 && negative <= positive, "matching.negative", negative, "0 .. matching.positive");
    number("coder.added_side", static_cast<double>(s.coder.added_side));
    number("coder.least_side", static_cast<double>(s.coder.least_side));
    require(s.alpha <= 1, "alpha", s.alpha, "at most 1");
    number("gamma", s.gamma);
    require(s.label_smoothing >= 0 && s.label_smoothing <= 1, "label_smoothing", s.label_smoothing, "0 .. 1");
    require(s.least_probability >= 0 && s.least_probability < 0.5, "least_probability", s.least_probability,
            "0 or more, below 0.5");
    require(s.width >= 0 && (s.width > 0 || s.box_loss != efficientdet_box_loss::huber), "width", s.width,
            "0 or more, above 0 for Huber");
    number("box_weight", s.box_weight);
    number("class_weight", s.class_weight);
}

} // namespace fovea
