// From EfficientDet's raw outputs to detections: sigmoid scores, box decoding and NMS in one object, by any
// of the three published rules.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/decaying_boxes.hpp>
#include <fovea/detect/detection.hpp>
#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/detect/efficientdet_box_coder.hpp>
#include <fovea/detect/efficientdet_decoder_settings.hpp>
#include <fovea/detect/kept_boxes.hpp>
#include <fovea/detect/label_offset.hpp>
#include <fovea/detect/nms.hpp>
#include <fovea/detect/top_logits.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Post-processing of EfficientDet with memory of its own: decode() allocates nothing, compares logits with
// the logit of the threshold and computes scores and boxes of the survivors alone. Use one decoder a thread.
class efficientdet_decoder {
public:
    // num_classes are the columns of the class net; there is no background among them. Throws input_error for
    // no classes, more than 2^32 logits, and settings out of range.
    efficientdet_decoder(const efficientdet_anchors& anchors, std::size_t num_classes,
                         const efficientdet_decoder_settings& settings = {})
        : settings_(checked(settings, anchors.size(), num_classes)), anchors_(anchors),
          num_classes_(num_classes),
          top_(anchors.size(), num_classes, settings.rule, settings.topk_candidates), boxes_(top_.most()),
          scores_(top_.most()), classes_(top_.most()),
          detections_(std::min(settings.detections_per_img, top_.most())),
          kept_(num_classes, hard() ? detections_.size() : 0, settings.nms_thresh),
          decaying_(hard() ? 0 : top_.most(), settings.soft_nms) {}

    std::size_t anchors() const noexcept { return anchors_.size(); }
    std::size_t num_classes() const noexcept { return num_classes_; }
    const efficientdet_decoder_settings& settings() const noexcept { return settings_; }

    // cls_logits [anchors, classes] and bbox_regression [anchors, 4] (dy, dx, dh, dw) row-major, as the heads
    // give them; boxes are clipped to `image` as the settings say. Labels count from 1, column 0's.
    // Detections in descending order of score (equal logits: lower anchor, then lower label first), valid
    // until the next call. NaN logits and anchors whose box has a NaN give none. Throws input_error when a
    // size is wrong.
    span<const detection> decode(span<const float> cls_logits, span<const float> bbox_regression,
                                 image_extent image) {
        require_size("cls_logits", cls_logits.size(), num_classes_);
        require_size("bbox_regression", bbox_regression.size(), 4);
        find_candidates(cls_logits.data(), bbox_regression.data(), image);
        found_ = 0;
        if (!detections_.empty()) {
            if (hard())
                suppress();
            else
                suppress_softly();
        }
        return {detections_.data(), found_};
    }

private:
    static const efficientdet_decoder_settings& checked(const efficientdet_decoder_settings& settings,
                                                        std::size_t anchors, std::size_t num_classes) {
        check(settings);
        if (num_classes == 0 || num_classes > std::numeric_limits<std::uint32_t>::max() / anchors)
            throw input_error("efficientdet_decoder: " + std::to_string(num_classes) + " classes for " +
                              std::to_string(anchors) + " anchors");
        return settings;
    }

    bool hard() const noexcept { return settings_.nms == efficientdet_nms::hard; }

    void require_size(const char* name, std::size_t got, std::size_t columns) const {
        if (got != anchors() * columns)
            throw input_error(std::string("efficientdet_decoder: ") + name + " must have " +
                              std::to_string(anchors()) + " x " + std::to_string(columns) + " values, got " +
                              std::to_string(got));
    }

    static float sigmoid(float logit) noexcept { return 1.0F / (1.0F + std::exp(-logit)); }

    // No logit whose score is above the threshold is below this: the threshold's logit and some rounding.
    float least_logit() const noexcept {
        const double p = static_cast<double>(settings_.score_thresh);
        const double logit = std::log(p) - std::log1p(-p); // infinite for 0 and 1
        return static_cast<float>(logit - 1e-5 * (1 + std::abs(logit)));
    }

    // Survivors of the thresholds, best first, at equal places of three lists.
    void find_candidates(const float* logits, const float* deltas, image_extent image) noexcept {
        const float floor =
            settings_.score_thresh < 1 ? least_logit() : std::numeric_limits<float>::infinity();
        count_ = 0;
        for (const std::uint64_t code : top_.read(logits, floor)) {
            const float score = sigmoid(logit_code::logit(code));
            if (!(score > settings_.score_thresh))
                return; // those that follow have no better ones
            const std::size_t place = logit_code::place(code), anchor = place / num_classes_;
            const float* const d = deltas + 4 * anchor;
            const box b = clipped(coder_.decode({d[0], d[1], d[2], d[3]}, anchors_[anchor]), image);
            if (has_nan(b))
                continue;
            boxes_[count_] = b;
            scores_[count_] = score;
            classes_[count_++] = static_cast<int>(place % num_classes_);
        }
    }

    box clipped(const box& b, image_extent image) const noexcept {
        switch (settings_.clipping) {
        case box_clipping::near_sides:
            return clip_near_sides(b, image);
        case box_clipping::all_sides:
            return clip_all_sides(b, image);
        case box_clipping::none:
            break;
        }
        return b;
    }

    void report(std::size_t i, float score) noexcept {
        detections_[found_++] = {classes_[i] + 1, score, boxes_[i]};
    }

    // torchvision's batched_nms: few boxes are moved apart by class and compared all with each other.
    void suppress() noexcept {
        kept_.clear();
        const bool move = count_ <= batched_nms_offset_limit;
        const float largest = largest_coordinate({boxes_.data(), count_});
        // Boxes with negative coordinates meet those of another class even then.
        const bool together = move && settings_.clipping == box_clipping::none;
        for (std::size_t i = 0; i < count_ && found_ < detections_.size(); ++i) {
            const std::size_t group = together ? 0 : static_cast<std::size_t>(classes_[i]);
            const box place = move ? moved_by_label(boxes_[i], classes_[i], largest) : boxes_[i];
            if (kept_.suppress(group, place))
                continue;
            kept_.add(group, place);
            report(i, scores_[i]);
        }
    }

    // effdet's batched_soft_nms moves boxes apart by class; google/automl goes class by class.
    void suppress_softly() noexcept {
        decaying_.clear();
        const bool move = settings_.nms == efficientdet_nms::soft_moved;
        const float largest = largest_coordinate({boxes_.data(), count_});
        for (std::size_t i = 0; i < count_; ++i)
            if (move)
                decaying_.add(moved_by_label(boxes_[i], classes_[i], largest), 0, scores_[i]);
            else
                decaying_.add(boxes_[i], static_cast<std::size_t>(classes_[i]), scores_[i]);
        decaying_.visit_best([this](std::size_t i, float score) {
            report(i, score);
            return found_ < detections_.size();
        });
    }

    efficientdet_decoder_settings settings_;
    efficientdet_anchors anchors_;
    std::size_t num_classes_;
    efficientdet_box_coder coder_{};
    top_logits top_;
    std::vector<box> boxes_; // of the first count_ candidates, as scores and classes from 0
    std::vector<float> scores_;
    std::vector<int> classes_;
    std::vector<detection> detections_; // the first found_ are the result
    kept_boxes kept_;
    decaying_boxes decaying_;
    std::size_t count_ = 0, found_ = 0;
};

FOVEA_ARCH_NAMESPACE_END
