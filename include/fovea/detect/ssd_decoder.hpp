// From an SSD head's raw outputs to detections: softmax, threshold, box decoding, top-k and NMS in one
// object.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/box_coder.hpp>
#include <fovea/detect/candidates.hpp>
#include <fovea/detect/default_boxes.hpp>
#include <fovea/detect/detection.hpp>
#include <fovea/detect/label_offset.hpp>
#include <fovea/detect/nms.hpp>
#include <fovea/detect/softmax.hpp>
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

// Which scores of an anchor can become detections.
enum class score_rule {
    every_class, // each foreground class on its own (torchvision; GluonCV's MultiPerClassDecoder)
    best_class   // only the most probable foreground class (GluonCV's MultiClassDecoder)
};

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
        : ssd_decoder({}, anchors.size(), num_classes, settings) {
        default_boxes_ = anchors;
    }
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
        candidates_.clear();
        kept_count_ = 0;
        if (num_classes_ < 2 || detections_.empty())
            return {};
        for (std::size_t i = 0; i < boxes_.size(); ++i)
            read_anchor(i, cls_logits.data() + i * num_classes_, bbox_regression.data() + 4 * i, image);
        suppress(candidates_.finish());
        return {detections_.data(), kept_count_};
    }

private:
    struct kept_box {
        box place; // moved by its label where torchvision does so
        float area = 0;
        std::size_t previous = none; // kept box of the same label
    };

    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    // A reference, so that the caller's count is read before the anchors are moved from.
    ssd_decoder(std::vector<box>&& anchors, std::size_t count, std::size_t num_classes,
                const ssd_decoder_settings& settings)
        : settings_(checked(settings, count, num_classes)), num_classes_(num_classes),
          anchors_(std::move(anchors)), boxes_(count), exponentials_(padded_classes(num_classes)),
          candidates_(num_classes - 1, count, settings.topk_candidates),
          detections_(std::min(settings.detections_per_img,
                               (num_classes - 1) * std::min(count, settings.topk_candidates))),
          kept_(detections_.size()), last_kept_(num_classes),
          // score = 1 / (1 + exp(background - foreground) + ...) > t needs foreground - background > log(t /
          // (1 - t)); the slack covers every rounding, since survivors are tested exactly.
          least_margin_(std::log(settings.score_thresh / (1.0F - settings.score_thresh)) - 1e-3F) {}

    static const ssd_decoder_settings& checked(const ssd_decoder_settings& settings, std::size_t anchors,
                                               std::size_t num_classes) {
        constexpr std::size_t most_classes = std::size_t{1} << 24U, most_scores = std::size_t{1} << 40U;
        if (!(settings.score_thresh >= 0 && settings.score_thresh <= 1))
            throw input_error("ssd_decoder: score_thresh must be in 0 .. 1, got " +
                              std::to_string(settings.score_thresh));
        if (!(settings.nms_thresh >= 0 && settings.nms_thresh <= 1))
            throw input_error("ssd_decoder: nms_thresh must be in 0 .. 1, got " +
                              std::to_string(settings.nms_thresh));
        if (num_classes == 0 || num_classes > most_classes || num_classes > most_scores / (anchors + 1))
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

    box anchor(std::size_t i) const noexcept { return anchors_.empty() ? default_boxes_[i] : anchors_[i]; }

    // Adds what anchor i detects to the candidates. Cheap tests first: most anchors see background.
    void read_anchor(std::size_t i, const float* logits, const float* offsets, spatial_size image) {
        const float foreground = largest_of(logits + 1, num_classes_ - 1);
        if (foreground - logits[0] < least_margin_)
            return;
        const float largest = std::max(foreground, logits[0]);
        const float sum = softmax_exponentials(logits, num_classes_, largest, exponentials_.data());
        const float* const e = exponentials_.data();
        const float* const best = std::max_element(e + 1, e + num_classes_);
        if (!(*best / sum > settings_.score_thresh))
            return;
        boxes_[i] =
            clip(settings_.coder.decode({offsets[0], offsets[1], offsets[2], offsets[3]}, anchor(i)), image);
        if (has_nan(boxes_[i]))
            return;
        if (settings_.rule == score_rule::best_class)
            add_if_above(best, sum, i);
        else
            add_all_above(sum, i);
    }

    void add_if_above(const float* exponential, float sum, std::size_t anchor) {
        const float score = *exponential / sum;
        if (score > settings_.score_thresh)
            candidates_.add({score, static_cast<std::int32_t>(exponential - exponentials_.data()), anchor});
    }

    // Whole vectors of classes are passed over by a bound that is below the threshold by more than rounding.
    void add_all_above(float sum, std::size_t anchor) {
        using batch = xsimd::batch<float, simd_arch>;
        const batch bound(settings_.score_thresh * sum * (1.0F - 1e-5F));
        for (std::size_t first = 0; first < num_classes_; first += batch::size) {
            if (!xsimd::any(batch::load_unaligned(exponentials_.data() + first) >= bound))
                continue;
            const std::size_t last = std::min(first + batch::size, num_classes_);
            for (std::size_t c = std::max<std::size_t>(first, 1); c < last; ++c)
                add_if_above(exponentials_.data() + c, sum, anchor);
        }
    }

    // Greedy NMS over all classes at once in descending order of score, so that it can stop at
    // detections_per_img. Candidates are sorted in portions: most are never looked at.
    void suppress(span<candidate> open) {
        constexpr std::size_t portion = 1024;
        const bool move = open.size() <= batched_nms_offset_limit;
        const float largest = move ? largest_candidate_coordinate(open) : 0;
        std::fill(last_kept_.begin(), last_kept_.end(), none);
        candidate* first = open.begin();
        while (first != open.end() && kept_count_ < detections_.size()) {
            candidate* const last = first + std::min<std::ptrdiff_t>(portion, open.end() - first);
            if (last != open.end())
                std::nth_element(first, last, open.end(), better_candidate);
            std::sort(first, last, better_candidate);
            for (; first != last && kept_count_ < detections_.size(); ++first) {
                const box& b = boxes_[first->anchor];
                keep_unless_suppressed(*first, move ? moved_by_label(b, first->label, largest) : b);
            }
        }
    }

    float largest_candidate_coordinate(span<const candidate> of) const noexcept {
        float largest = 0;
        for (const candidate& c : of)
            largest = std::max(largest, largest_coordinate({&boxes_[c.anchor], 1}));
        return largest;
    }

    void keep_unless_suppressed(const candidate& c, const box& place) noexcept {
        const float place_area = area(place);
        std::size_t& last = last_kept_[static_cast<std::size_t>(c.label)];
        for (std::size_t k = last; k != none; k = kept_[k].previous)
            if (iou(kept_[k].place, kept_[k].area, place, place_area) > settings_.nms_thresh)
                return;
        kept_[kept_count_] = {place, place_area, last};
        detections_[kept_count_] = {c.label, c.score, boxes_[c.anchor]};
        last = kept_count_++;
    }

    ssd_decoder_settings settings_;
    std::size_t num_classes_;
    default_boxes default_boxes_;
    std::vector<box> anchors_;        // empty when default_boxes_ are used
    std::vector<box> boxes_;          // decoded, for anchors that have candidates
    std::vector<float> exponentials_; // of one anchor
    class_candidates candidates_;
    std::vector<detection> detections_;  // the first kept_count_ are the result
    std::vector<kept_box> kept_;         // beside detections_
    std::vector<std::size_t> last_kept_; // of each label
    std::size_t kept_count_ = 0;
    float least_margin_;
};

FOVEA_ARCH_NAMESPACE_END
