// From an SSD head's raw outputs to detections: softmax, threshold, box decoding, top-k and NMS in one
// object.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/box_coder.hpp>
#include <fovea/detect/candidates.hpp>
#include <fovea/detect/corner_decoder.hpp>
#include <fovea/detect/default_boxes.hpp>
#include <fovea/detect/detection.hpp>
#include <fovea/detect/kept_boxes.hpp>
#include <fovea/detect/label_offset.hpp>
#include <fovea/detect/nms.hpp>
#include <fovea/detect/score_reader.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// Names and defaults are those of torchvision's ssdlite320_mobilenet_v3_large.
struct ssd_decoder_settings {
    float score_thresh = 0.001F;          // probabilities must be above
    double nms_thresh = 0.55;             // IoU within a class must not be above
    std::size_t topk_candidates = 300;    // a class, before NMS
    std::size_t detections_per_img = 300; // of all classes, after NMS
    score_rule rule = score_rule::every_class;
    box_coder coder{};
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Post-processing of SSD (torchvision SSD.postprocess_detections) with memory of its own: decode() allocates
// nothing and reads only the logits of anchors that cannot pass. Use one decoder a thread.
class ssd_decoder {
public:
    // num_classes counts the background, class 0. Throws input_error for no classes, thresholds that are NaN
    // or outside 0 .. 1, and more anchors times classes than memory can address.
    ssd_decoder(const default_boxes& anchors, std::size_t num_classes,
                const ssd_decoder_settings& settings = {})
        : ssd_decoder(anchors.to_vector(), num_classes, settings) {}
    // The same with any anchors, corners in pixels.
    ssd_decoder(std::vector<box> anchors, std::size_t num_classes, const ssd_decoder_settings& settings = {})
        : ssd_decoder(std::move(anchors), anchors.size(), num_classes, settings) {}

    std::size_t anchors() const noexcept { return boxes_.size(); }
    std::size_t num_classes() const noexcept { return num_classes_; }
    const ssd_decoder_settings& settings() const noexcept { return settings_; }

    // cls_logits [anchors, classes] and bbox_regression [anchors, 4] row-major, as the heads give them; boxes
    // are clipped to `image`. Detections in descending order of score (equal scores: lower label, then lower
    // anchor first), valid until the next call. Anchors with a NaN or +infinity among their logits and
    // anchors whose box has a NaN give none. Throws input_error when a size is wrong.
    span<const detection> decode(span<const float> cls_logits, span<const float> bbox_regression,
                                 spatial_size image) {
        require_size("cls_logits", cls_logits.size(), num_classes_);
        require_size("bbox_regression", bbox_regression.size(), 4);
        found_ = 0;
        decoded_anchor_ = none;
        if (num_classes_ < 2 || detections_.empty())
            return {};
        offsets_ = bbox_regression.data();
        image_ = image;
        scores_.start(cls_logits.data());
        candidates_.clear();
        kept_.clear();
        find_from_the_top();
        return {detections_.data(), found_};
    }

private:
    // Anchors to look at in the first round; the next ones take a quarter more each. Half of COCO's photos
    // need 1100 for SSDLite's 300 detections.
    static constexpr std::size_t first_portion = 900;

    // A reference, so that the caller's count is read before the anchors are moved from.
    ssd_decoder(std::vector<box>&& anchors, std::size_t count, std::size_t num_classes,
                const ssd_decoder_settings& settings)
        : settings_(checked(settings, count, num_classes)), num_classes_(num_classes),
          corners_(settings.coder), anchors_(std::move(anchors)), boxes_(count),
          scores_(count, num_classes, settings.rule, settings.score_thresh),
          candidates_(num_classes - 1, count, settings.topk_candidates),
          detections_(std::min(settings.detections_per_img,
                               (num_classes - 1) * std::min(count, settings.topk_candidates))),
          kept_(num_classes, detections_.size(), settings.nms_thresh) {}

    static const ssd_decoder_settings& checked(const ssd_decoder_settings& settings, std::size_t anchors,
                                               std::size_t num_classes) {
        if (!(settings.score_thresh >= 0 && settings.score_thresh <= 1))
            throw input_error("ssd_decoder: score_thresh must be in 0 .. 1, got " +
                              std::to_string(settings.score_thresh));
        if (!(settings.nms_thresh >= 0 && settings.nms_thresh <= 1))
            throw input_error("ssd_decoder: nms_thresh must be in 0 .. 1, got " +
                              std::to_string(settings.nms_thresh));
        if (num_classes == 0 || !candidate_code(anchors).fits(num_classes))
            throw input_error("ssd_decoder: " + std::to_string(num_classes) + " classes for " +
                              std::to_string(anchors) + " anchors");
        return settings;
    }

    void require_size(const char* name, std::size_t got, std::size_t columns) const {
        if (got != boxes_.size() * columns)
            throw input_error(std::string("ssd_decoder: ") + name + " must have " +
                              std::to_string(boxes_.size()) + " x " + std::to_string(columns) +
                              " values, got " + std::to_string(got));
    }

    // Few of many scores become detections, the best ones. So candidates are collected and suppressed in
    // rounds, each down to a lower score than the one before, until there are enough detections.
    void find_from_the_top() noexcept {
        score_window window{1, 1};
        bool first_round = true;
        for (std::size_t portion = first_portion;
             window.ceiling > settings_.score_thresh && found_ < detections_.size(); portion += portion / 4) {
            window.floor = std::max(settings_.score_thresh, scores_.floor_below(window.ceiling, portion));
            if (window.floor == window.ceiling)
                continue;
            collect(window);
            window.ceiling = window.floor;
            const bool few = first_round && !more_than_offset_limit();
            if (few && window.floor > settings_.score_thresh)
                continue; // whether torchvision moves the boxes apart depends on how many there are in all
            first_round = false;
            suppress(window.floor, few);
            candidates_.end_round();
        }
    }

    void collect(score_window window) noexcept {
        scores_.read(window, [&](float score, std::size_t label, std::size_t anchor) {
            const bool valid = decode_box(anchor);
            if (valid)
                candidates_.add(score, label, anchor, window.floor);
            return valid;
        });
    }

    // Whether as many candidates as that are certain, of the first round or below it.
    bool more_than_offset_limit() const noexcept {
        return candidates_.count() > batched_nms_offset_limit ||
               scores_.least_count(static_cast<float>(settings_.topk_candidates)) >
                   static_cast<float>(batched_nms_offset_limit);
    }

    // Whether the anchor's box is a box. Candidates of an anchor come in a row, so that it is decoded once.
    bool decode_box(std::size_t i) noexcept {
        if (i != decoded_anchor_) {
            boxes_[i] = corners_.decode(offsets_ + 4 * i, anchors_[i], image_);
            decoded_anchor_ = i;
        }
        return !has_nan(boxes_[i]);
    }

    // Greedy NMS over all labels at once, best first, until there are enough detections.
    void suppress(float floor, bool move) noexcept {
        const candidate_code& code = candidates_.code();
        float largest = 0;
        if (move)
            candidates_.visit_best(floor, [&](std::uint64_t c) {
                largest = std::max(largest, largest_coordinate({&boxes_[code.anchor(c)], 1}));
                return true;
            });
        candidates_.visit_best(floor, [&](std::uint64_t c) {
            const box& b = boxes_[code.anchor(c)];
            const std::size_t label = code.label(c);
            const box place = move ? moved_by_label(b, static_cast<int>(label), largest) : b;
            if (!kept_.suppress(label, place)) {
                kept_.add(label, place);
                detections_[found_++] = {static_cast<int>(label), code.score(c), b};
            }
            return found_ < detections_.size();
        });
    }

    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    ssd_decoder_settings settings_;
    std::size_t num_classes_;
    corner_decoder corners_;
    std::vector<box> anchors_, boxes_; // boxes: decoded, of anchors that have candidates
    score_reader scores_;
    candidate_rounds candidates_;
    std::vector<detection> detections_; // the first found_ are the result
    kept_boxes kept_;                   // their boxes
    const float* offsets_ = nullptr;    // of this decode(), as the image
    spatial_size image_;
    std::size_t found_ = 0, decoded_anchor_ = none;
};

FOVEA_ARCH_NAMESPACE_END
