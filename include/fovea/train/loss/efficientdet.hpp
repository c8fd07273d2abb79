// The loss of EfficientDet between head outputs and a training step: matching, focal and box loss and their
// gradients in one object.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/train/loss/efficientdet_box.hpp>
#include <fovea/train/loss/efficientdet_checks.hpp>
#include <fovea/train/loss/efficientdet_focal.hpp>
#include <fovea/train/loss/efficientdet_settings.hpp>
#include <fovea/train/target/ground_truth.hpp>
#include <fovea/train/target/match_efficientdet.hpp>

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// zylo117's FocalLoss, or effdet's and google/automl's loss (efficientdet_loss_settings). Matching is a task
// for each image, the rest one for each piece of an image's anchors; results do not depend on the executor.
// After the first batch of a size nothing is allocated. efficientdet_loss_reference() is the definition.
class efficientdet_loss {
public:
    // num_classes are the columns of the class net; there is no background among them. Throws input_error
    // for no classes, anchors that are not finite or have no area, and settings out of range.
    efficientdet_loss(const efficientdet_anchors& anchors, std::size_t num_classes,
                      const efficientdet_loss_settings& settings = {})
        : efficientdet_loss(anchors.to_vector(), num_classes, settings) {}
    // The same with any anchors, corners in pixels of the network's input.
    efficientdet_loss(std::vector<box> anchors, std::size_t num_classes,
                      const efficientdet_loss_settings& settings = {})
        : anchors_(std::move(anchors)), num_classes_(num_classes), settings_(settings), negatives_(settings),
          pieces_((anchors_.size() + anchors_a_piece - 1) / anchors_a_piece) {
        loss_detail::check_efficientdet_loss(anchors_, num_classes_, settings_);
        areas_.reserve(anchors_.size());
        for (const box& anchor : anchors_)
            areas_.push_back(area(anchor));
    }

    std::size_t anchors() const noexcept { return anchors_.size(); }
    std::size_t num_classes() const noexcept { return num_classes_; }
    const efficientdet_loss_settings& settings() const noexcept { return settings_; }

    // One batch: cls_logits [N, anchors, num_classes] and bbox_regression [N, anchors, 4] (dy, dx, dh, dw) as
    // the heads give them, one ground_truth an image, whose labels count from 1, column 0's. Every place of
    // the gradients, of the same shapes, is written; both may be empty if only the values are wanted. They
    // are those of classification + bbox_regression, as returned, weights included. Throws input_error,
    // before anything is written, for sizes that do not fit, labels outside 1 .. num_classes and boxes that
    // are not finite or have no area.
    efficientdet_loss_values operator()(span<const float> cls_logits, span<const float> bbox_regression,
                                        span<const ground_truth> targets, span<float> cls_gradient,
                                        span<float> bbox_gradient, executor& ex) {
        loss_detail::check_efficientdet_batch(anchors_.size(), num_classes_, cls_logits, bbox_regression,
                                              targets, cls_gradient, bbox_gradient);
        batch_ = {cls_logits.data(), bbox_regression.data(), targets, cls_gradient.data(),
                  bbox_gradient.data()};
        reserve(targets.size());
        const int images = static_cast<int>(targets.size()), workers = ex.concurrency();
        parallel_for(ex, workers, images, [this](int i, int) { match(static_cast<std::size_t>(i)); });
        efficientdet_loss_values values;
        for (std::size_t i = 0; i < targets.size(); ++i)
            values.positives += positives_[i];
        for (std::size_t i = 0; i < targets.size(); ++i)
            scales_[i] = loss_detail::scales_of(settings_, targets.size(), targets[i].boxes.size(),
                                                positives_[i], values.positives);
        const std::size_t pieces = targets.size() * pieces_;
        parallel_for(ex, workers, static_cast<int>(pieces),
                     [this](int piece, int) { differentiate(static_cast<std::size_t>(piece)); });
        for (std::size_t piece = 0; piece < pieces; ++piece) {
            values.classification += sums_[piece].classification * scales_[piece / pieces_].classification;
            values.bbox_regression += sums_[piece].bbox_regression * scales_[piece / pieces_].bbox_regression;
        }
        return values;
    }

    // What the anchors of an image of the last batch learnt: the number of an object, below_low_threshold
    // (the background) or between_thresholds (nothing). Valid until the next batch.
    span<const int> matches(std::size_t image) const noexcept {
        return {matches_.data() + image * anchors_.size(), anchors_.size()};
    }

private:
    static constexpr std::size_t anchors_a_piece = 1024;

    struct batch_view {
        const float *logits = nullptr, *deltas = nullptr;
        span<const ground_truth> targets;
        float *logit_gradient = nullptr, *delta_gradient = nullptr;
    };
    struct piece_sums {
        double classification = 0, bbox_regression = 0;
    };

    void reserve(std::size_t images) {
        if (positives_.size() >= images)
            return;
        positives_.resize(images);
        scales_.resize(images);
        sums_.resize(images * pieces_);
        matches_.resize(images * anchors_.size());
        overlaps_.resize(matches_.size());
    }

    void match(std::size_t i) noexcept {
        const std::size_t count = anchors_.size(), first = i * count;
        const span<int> matches{matches_.data() + first, count};
        match_efficientdet(anchors_, areas_, batch_.targets[i].boxes, settings_.matching, matches,
                           {overlaps_.data() + first, count});
        positives_[i] = static_cast<std::size_t>(
            std::count_if(matches.begin(), matches.end(), [](int m) { return m >= 0; }));
    }

    // Losses and gradients of a piece of an image. Sums run over its anchors in order; anchors of the
    // background that follow each other are one run of logits.
    void differentiate(std::size_t piece) noexcept {
        const std::size_t image = piece / pieces_, from = piece % pieces_ * anchors_a_piece,
                          to = std::min(anchors_.size(), from + anchors_a_piece);
        const std::size_t first = image * anchors_.size();
        piece_sums& sums = sums_[piece];
        sums = {};
        if (batch_.delta_gradient != nullptr)
            std::fill_n(batch_.delta_gradient + (first + from) * 4, (to - from) * 4, 0.0F);
        for (std::size_t a = from; a < to;) {
            const int match = matches_[first + a];
            std::size_t end = a + 1;
            if (match >= 0) {
                const auto object = static_cast<std::size_t>(match);
                const ground_truth& objects = batch_.targets[image];
                sums.classification += classify(first + a, objects.labels[object], scales_[image]);
                sums.bbox_regression +=
                    regress(first + a, objects.boxes[object], anchors_[a], scales_[image]);
            } else {
                while (end < to && matches_[first + end] == match)
                    ++end;
                const std::size_t begin = (first + a) * num_classes_, count = (end - a) * num_classes_;
                if (match == below_low_threshold)
                    sums.classification += background(begin, count, scales_[image]);
                else if (batch_.logit_gradient != nullptr)
                    std::fill_n(batch_.logit_gradient + begin, count, 0.0F);
            }
            a = end;
        }
    }

    // Logits whose target is 0.
    double background(std::size_t begin, std::size_t count,
                      const loss_detail::efficientdet_scales& scales) const noexcept {
        return negatives_(batch_.logits + begin, count, static_cast<float>(scales.classification),
                          batch_.logit_gradient == nullptr ? nullptr : batch_.logit_gradient + begin);
    }

    // The row of an anchor that learns a label from 1.
    double classify(std::size_t at, int label,
                    const loss_detail::efficientdet_scales& scales) const noexcept {
        const std::size_t row = at * num_classes_, column = static_cast<std::size_t>(label) - 1;
        const value_and_slope<double> yes =
            clamped_focal(static_cast<double>(batch_.logits[row + column]), 1.0, settings_);
        if (batch_.logit_gradient != nullptr)
            batch_.logit_gradient[row + column] = static_cast<float>(yes.slope * scales.classification);
        return background(row, column, scales) + yes.value +
               background(row + column + 1, num_classes_ - column - 1, scales);
    }

    double regress(std::size_t at, const box& target, const box& anchor,
                   const loss_detail::efficientdet_scales& scales) const noexcept {
        deltas_of<double> predicted;
        for (std::size_t k = 0; k < 4; ++k)
            predicted[k] = static_cast<double>(batch_.deltas[at * 4 + k]);
        const efficientdet_box_result<double> loss = efficientdet_box(settings_, predicted, target, anchor);
        if (batch_.delta_gradient != nullptr)
            for (std::size_t k = 0; k < 4; ++k)
                batch_.delta_gradient[at * 4 + k] =
                    static_cast<float>(loss.gradient[k] * scales.bbox_regression);
        return loss.value;
    }

    std::vector<box> anchors_;
    std::size_t num_classes_;
    efficientdet_loss_settings settings_;
    focal_negatives negatives_;
    std::size_t pieces_;       // of an image
    std::vector<float> areas_; // of the anchors

    batch_view batch_;
    std::vector<std::size_t> positives_; // one an image of the largest batch so far, as the scales
    std::vector<loss_detail::efficientdet_scales> scales_;
    std::vector<piece_sums> sums_; // one a piece of it; the rest one an anchor of it
    std::vector<int> matches_;
    std::vector<float> overlaps_;
};

FOVEA_ARCH_NAMESPACE_END
