// The loss of an SSD between head outputs and a training step: matching, hard negatives, both losses and
// their gradients in one object.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/default_boxes.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/train/loss/focal.hpp>
#include <fovea/train/loss/hard_negatives.hpp>
#include <fovea/train/loss/softmax_row.hpp>
#include <fovea/train/loss/ssd_box.hpp>
#include <fovea/train/loss/ssd_checks.hpp>
#include <fovea/train/loss/ssd_settings.hpp>
#include <fovea/train/target/ground_truth.hpp>
#include <fovea/train/target/match_ssd.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// torchvision's SSD.compute_loss with SSDMatcher, and its variants (ssd_loss_settings). Every image is one
// task of the executor, so that results do not depend on it; after the first batch of a size nothing is
// allocated. ssd_loss_reference() is the definition.
class ssd_loss {
public:
    // num_classes counts the background, class 0. Throws input_error for fewer than 2 classes, anchors that
    // are not finite or have no area, and settings out of range.
    ssd_loss(const default_boxes& anchors, std::size_t num_classes, const ssd_loss_settings& settings = {})
        : ssd_loss(anchors.to_vector(), num_classes, settings) {}
    // The same with any anchors, corners in pixels of the network's input.
    ssd_loss(std::vector<box> anchors, std::size_t num_classes, const ssd_loss_settings& settings = {})
        : anchors_(std::move(anchors)), num_classes_(num_classes), settings_(settings) {
        loss_detail::check_ssd_loss(anchors_, num_classes_, settings_);
        areas_.reserve(anchors_.size());
        for (const box& anchor : anchors_)
            areas_.push_back(area(anchor));
    }

    std::size_t anchors() const noexcept { return anchors_.size(); }
    std::size_t num_classes() const noexcept { return num_classes_; }
    const ssd_loss_settings& settings() const noexcept { return settings_; }

    // One batch: cls_logits [N, anchors, num_classes] and bbox_regression [N, anchors, 4] as the heads give
    // them, one ground_truth an image. Every place of the gradients, of the same shapes, is written; both may
    // be empty if only the values are wanted. They are those of class_weight * classification + box_weight *
    // bbox_regression, as returned. A NaN that the network put out comes back as a NaN loss. Throws
    // input_error, before anything is written, for sizes that do not fit, labels outside 1 .. num_classes - 1
    // and boxes that are not finite or have no area.
    ssd_loss_values operator()(span<const float> cls_logits, span<const float> bbox_regression,
                               span<const ground_truth> targets, span<float> cls_gradient,
                               span<float> bbox_gradient, executor& ex) {
        loss_detail::check_ssd_batch(anchors_.size(), num_classes_, cls_logits, bbox_regression, targets,
                                     cls_gradient, bbox_gradient);
        batch_ = {cls_logits.data(), bbox_regression.data(), targets, cls_gradient.data(),
                  bbox_gradient.data()};
        reserve(targets.size());
        const int images = static_cast<int>(targets.size()), workers = ex.concurrency();
        parallel_for(ex, workers, images, [this](int i, int) { choose(static_cast<std::size_t>(i)); });
        ssd_loss_values values;
        for (std::size_t i = 0; i < targets.size(); ++i)
            values.positives += sums_[i].positives;
        const double normalizer = static_cast<double>(std::max<std::size_t>(1, values.positives));
        class_scale_ = settings_.class_weight / normalizer;
        box_scale_ = settings_.box_weight / normalizer;
        parallel_for(ex, workers, images, [this](int i, int) { differentiate(static_cast<std::size_t>(i)); });
        for (std::size_t i = 0; i < targets.size(); ++i) {
            values.classification += sums_[i].classification * class_scale_;
            values.bbox_regression += sums_[i].bbox_regression * box_scale_;
        }
        return values;
    }

    // What the anchors of an image of the last batch learnt: the number of an object, hard_negative, or
    // below_low_threshold (the background too if the loss is focal, else nothing). Valid until the next
    // batch.
    span<const int> matches(std::size_t image) const noexcept {
        return {matches_.data() + image * anchors_.size(), anchors_.size()};
    }

private:
    struct batch_view {
        const float *logits = nullptr, *offsets = nullptr;
        span<const ground_truth> targets;
        float *logit_gradient = nullptr, *offset_gradient = nullptr;
    };
    struct image_sums {
        double classification = 0, bbox_regression = 0;
        std::size_t positives = 0;
    };

    void reserve(std::size_t images) {
        if (sums_.size() >= images)
            return;
        sums_.resize(images);
        matches_.resize(images * anchors_.size());
        order_.resize(matches_.size());
        losses_.resize(matches_.size());
    }

    softmax_row row(std::size_t at) const noexcept {
        return measure_softmax(batch_.logits + at * num_classes_, num_classes_);
    }

    // Matches of image i, its positives and its hard negatives.
    void choose(std::size_t i) noexcept {
        const std::size_t count = anchors_.size(), first = i * count;
        const span<int> matches{matches_.data() + first, count};
        const span<float> losses{losses_.data() + first, count};
        match_ssd(anchors_, areas_, batch_.targets[i].boxes, settings_.iou_thresh, matches, losses);
        std::size_t positives = 0;
        for (int match : matches)
            positives += match >= 0 ? 1U : 0U;
        sums_[i].positives = positives;
        const std::size_t negatives = hard_negative_count(settings_.neg_to_pos_ratio, positives);
        if (settings_.class_loss != ssd_class_loss::hard_negatives || negatives == 0)
            return;
        for (std::size_t a = 0; a < count; ++a)
            if (matches[a] == below_low_threshold)
                losses[a] = row(first + a).cross_entropy(0);
        mine_hard_negatives<float>(losses, negatives, matches, {order_.data() + first, count});
    }

    // Losses and gradients of image i. Sums run over its anchors in order.
    void differentiate(std::size_t i) noexcept {
        const ground_truth& objects = batch_.targets[i];
        image_sums& sums = sums_[i];
        sums.classification = sums.bbox_regression = 0;
        for (std::size_t a = 0; a < anchors_.size(); ++a) {
            const std::size_t at = i * anchors_.size() + a;
            const int match = matches_[at];
            const bool positive = match >= 0;
            const auto object = static_cast<std::size_t>(positive ? match : 0);
            if (positive || match == hard_negative || settings_.class_loss == ssd_class_loss::focal)
                sums.classification += classify(at, positive ? objects.labels[object] : 0);
            else if (batch_.logit_gradient != nullptr)
                std::fill_n(batch_.logit_gradient + at * num_classes_, num_classes_, 0.0F);
            if (positive)
                sums.bbox_regression += regress(at, objects.boxes[object], anchors_[a]);
            else if (batch_.offset_gradient != nullptr)
                std::fill_n(batch_.offset_gradient + at * 4, 4, 0.0F);
        }
    }

    double classify(std::size_t at, int label) const noexcept {
        const softmax_row measured = row(at);
        const auto target = static_cast<std::size_t>(label);
        double loss = static_cast<double>(measured.cross_entropy(target)), slope = 1;
        if (settings_.class_loss == ssd_class_loss::focal) {
            const value_and_slope<double> focal =
                softmax_focal(loss, loss_detail::focal_weight(settings_.alpha, label), settings_.gamma);
            loss = focal.value;
            slope = focal.slope;
        }
        if (batch_.logit_gradient != nullptr)
            write_softmax_gradient(measured, target, static_cast<float>(slope * class_scale_),
                                   batch_.logit_gradient + at * num_classes_);
        return loss;
    }

    double regress(std::size_t at, const box& target, const box& anchor) const noexcept {
        offsets_of<double> predicted;
        for (std::size_t k = 0; k < 4; ++k)
            predicted[k] = static_cast<double>(batch_.offsets[at * 4 + k]);
        const ssd_box_result<double> loss = ssd_box(settings_, predicted, target, anchor);
        if (batch_.offset_gradient != nullptr)
            for (std::size_t k = 0; k < 4; ++k)
                batch_.offset_gradient[at * 4 + k] = static_cast<float>(loss.gradient[k] * box_scale_);
        return loss.value;
    }

    std::vector<box> anchors_;
    std::size_t num_classes_;
    ssd_loss_settings settings_;
    std::vector<float> areas_; // of the anchors

    batch_view batch_;
    double class_scale_ = 1, box_scale_ = 1;
    std::vector<image_sums> sums_; // one an image of the largest batch so far; the rest one an anchor of it
    std::vector<int> matches_;
    std::vector<std::uint32_t> order_;
    std::vector<float> losses_;
};

FOVEA_ARCH_NAMESPACE_END
