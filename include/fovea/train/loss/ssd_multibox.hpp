// GluonCV's SSD loss on ready-made targets: hard negatives by image, normalised by the batch or by the
// sample.
#pragma once

#include <fovea/train/loss/cross_entropy.hpp>
#include <fovea/train/loss/hard_negatives.hpp>
#include <fovea/train/loss/regression.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

// Names and defaults of GluonCV's SSDMultiBoxLoss.
struct ssd_multibox_settings {
    double negative_mining_ratio = 3;
    double rho = 1;                // where smooth L1 becomes linear
    double lambd = 1;              // weight of the boxes in the sum
    double min_hard_negatives = 0; // an image, also without positives
    bool sample_wise = false;      // divide by an image's own positives, not by those of the batch
};

// A batch: predictions and the targets of ssd_target_generator, all row-major.
template <class T>
struct ssd_multibox_batch {
    std::size_t images = 0, anchors = 0, num_classes = 0; // classes with the background
    span<const T> cls_pred;                               // [images, anchors, num_classes], logits
    span<const T> box_pred;                               // [images, anchors, 4]
    span<const int> cls_target;                           // [images, anchors]: 0 background, -1 ignored
    span<const T> box_target;                             // [images, anchors, 4], read where cls_target > 0
};

// One number an image; sum = cls + lambd * box.
struct ssd_multibox_losses {
    std::vector<double> sum, cls, box;
    std::size_t positives = 0; // of the batch
};

namespace loss_detail {

template <class T>
void check_multibox(const ssd_multibox_batch<T>& b, const ssd_multibox_settings& s, span<T> cls_gradient,
                    span<T> box_gradient) {
    const char* who = "ssd_multibox_loss";
    const std::size_t rows = b.images * b.anchors;
    for (double v : {s.negative_mining_ratio, s.rho, s.lambd, s.min_hard_negatives})
        if (!(v >= 0 && v <= 1e9))
            throw input_error(std::string(who) + ": a setting is " + std::to_string(v) +
                              ", expected 0 or more");
    if (b.num_classes == 0)
        throw input_error(std::string(who) + ": no classes");
    require_size(who, "cls_pred", b.cls_pred.size(), rows * b.num_classes);
    require_size(who, "box_pred", b.box_pred.size(), rows * 4);
    require_size(who, "cls_target", b.cls_target.size(), rows);
    require_size(who, "box_target", b.box_target.size(), rows * 4);
    require_optional(who, "cls_gradient", cls_gradient.size(), b.cls_pred.size());
    require_optional(who, "box_gradient", box_gradient.size(), b.box_pred.size());
    for (std::size_t i = 0; i < rows; ++i) {
        const std::string where =
            " of image " + std::to_string(i / b.anchors) + ", anchor " + std::to_string(i % b.anchors);
        const int label = b.cls_target[i];
        if (label < -1 || (label >= 0 && static_cast<std::size_t>(label) >= b.num_classes))
            throw input_error(std::string(who) + ": label " + std::to_string(label) + where +
                              ", expected 0 .. " + std::to_string(b.num_classes) + " - 1 or -1 to ignore it");
        for (std::size_t k = 0; k < 4 && label > 0; ++k)
            if (!std::isfinite(b.box_target[i * 4 + k]))
                throw input_error(std::string(who) + ": the box target" + where + " is not finite");
    }
}

// One image: which anchors count (matches: 0 positive, hard_negative), and its positives.
template <class T>
std::size_t multibox_choices(const ssd_multibox_batch<T>& b, const ssd_multibox_settings& s,
                             std::size_t image, span<T> losses, span<int> matches,
                             span<std::uint32_t> order) {
    std::size_t positives = 0;
    for (std::size_t a = 0; a < b.anchors; ++a) {
        const std::size_t row = image * b.anchors + a;
        const int label = b.cls_target[row];
        matches[a] = label > 0 ? 0 : label == 0 ? below_low_threshold : between_thresholds;
        positives += label > 0 ? 1U : 0U;
        if (label == 0)
            losses[a] = static_cast<T>(smoothed_cross_entropy<T>(
                b.cls_pred.subspan(row * b.num_classes, b.num_classes), 0, 0, 0, {}));
    }
    const double wanted =
        std::max(s.min_hard_negatives, s.negative_mining_ratio * static_cast<double>(positives));
    mine_hard_negatives<T>(losses, hard_negative_count(wanted, 1), matches, order);
    return positives;
}

} // namespace loss_detail

// The loss of every image; the gradients (the shapes of cls_pred and box_pred; empty: not wanted) are those
// of the total of `sum`. Positives are anchors of a label above 0; the negatives of largest cross-entropy,
// ratio times the positives of the image but at least min_hard_negatives, count too. Losses are divided by
// the positives of the batch (sample_wise: of the image), at least 1. Without positives in the batch, and
// with min_hard_negatives below 1, all are 0. Ignored anchors count for nothing. Throws input_error for sizes
// that do not fit, labels out of range, box targets that are not finite and settings out of range. Source:
// gluoncv/loss.py, SSDMultiBoxLoss.
template <class T>
ssd_multibox_losses ssd_multibox_loss(const ssd_multibox_batch<T>& b, span<T> cls_gradient,
                                      span<T> box_gradient, const ssd_multibox_settings& settings = {}) {
    using namespace loss_detail;
    check_multibox(b, settings, cls_gradient, box_gradient);
    std::vector<int> matches(b.images * b.anchors);
    std::vector<T> losses(b.anchors);
    std::vector<std::uint32_t> order(b.anchors);
    std::vector<std::size_t> positives;
    ssd_multibox_losses result;
    for (std::size_t i = 0; i < b.images; ++i) {
        positives.push_back(multibox_choices<T>(b, settings, i, losses,
                                                span<int>(matches).subspan(i * b.anchors, b.anchors), order));
        result.positives += positives.back();
    }
    std::fill(cls_gradient.begin(), cls_gradient.end(), T(0));
    std::fill(box_gradient.begin(), box_gradient.end(), T(0));
    for (std::size_t i = 0; i < b.images; ++i) {
        const std::size_t divisor = settings.sample_wise ? positives[i] : result.positives;
        const double scale = 1 / static_cast<double>(std::max<std::size_t>(1, divisor));
        double cls = 0, box = 0;
        for (std::size_t row = i * b.anchors; row < (i + 1) * b.anchors; ++row) {
            if (matches[row] == 0 || matches[row] == hard_negative)
                cls += smoothed_cross_entropy<T>(
                    b.cls_pred.subspan(row * b.num_classes, b.num_classes),
                    static_cast<std::size_t>(b.cls_target[row]), 0, scale,
                    cls_gradient.empty() ? cls_gradient
                                         : cls_gradient.subspan(row * b.num_classes, b.num_classes));
            for (std::size_t k = row * 4; k < row * 4 + 4 && matches[row] == 0; ++k) {
                const value_and_slope<T> at =
                    smooth_l1(b.box_pred[k] - b.box_target[k], static_cast<T>(settings.rho));
                box += static_cast<double>(at.value);
                if (!box_gradient.empty())
                    box_gradient[k] = at.slope * static_cast<T>(scale * settings.lambd);
            }
        }
        result.cls.push_back(cls * scale);
        result.box.push_back(box * scale);
        result.sum.push_back(result.cls.back() + settings.lambd * result.box.back());
    }
    return result;
}

} // namespace fovea
