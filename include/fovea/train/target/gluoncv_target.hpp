// GluonCV's training targets of an SSD: from anchors and objects to what every anchor has to learn.
#pragma once

#include <fovea/detect/gluoncv_box_coder.hpp>
#include <fovea/train/loss/cross_entropy.hpp>
#include <fovea/train/loss/hard_negatives.hpp>
#include <fovea/train/target/gluoncv_matcher.hpp>
#include <fovea/train/target/ground_truth.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

// What a sampler makes of an anchor.
enum class sample : int { negative = -1, ignored = 0, positive = 1 };

// Matched anchors are positive, all others negative: GluonCV's NaiveSampler. Equal sizes.
inline void naive_samples(span<const int> matches, span<sample> samples) noexcept {
    for (std::size_t a = 0; a < matches.size(); ++a)
        samples[a] = matches[a] >= 0 ? sample::positive : sample::negative;
}

// Arguments of GluonCV's OHEMSampler.
struct ohem_settings {
    double ratio = 3;       // negatives for each positive
    double min_samples = 0; // negatives at least
    float thresh = 0.5F;    // negatives overlap all objects less than this
};

// Matched anchors are positive. Of the others those whose background probability is smallest are negative
// (the first of equal ones), the rest ignored. largest_overlap [anchors] is the IoU with the closest object,
// cls_preds [anchors, classes] are logits, class 0 the background. Where GluonCV would take positives for
// negatives, because there are too few others, this takes fewer. Throws input_error for sizes that do not fit
// and settings out of range.
inline void ohem_samples(span<const int> matches, span<const float> largest_overlap,
                         span<const float> cls_preds, span<sample> samples,
                         const ohem_settings& settings = {}) {
    const std::size_t anchors = matches.size();
    const std::size_t classes = anchors == 0 ? 0 : cls_preds.size() / anchors;
    if (largest_overlap.size() != anchors || samples.size() != anchors ||
        cls_preds.size() != anchors * classes || (classes == 0 && anchors > 0))
        throw input_error("ohem_samples: " + std::to_string(anchors) + " matches, " +
                          std::to_string(largest_overlap.size()) + " overlaps, " +
                          std::to_string(samples.size()) + " samples and " +
                          std::to_string(cls_preds.size()) + " logits do not fit together");
    if (!(settings.ratio >= 0 && settings.ratio <= 1e9) ||
        !(settings.min_samples >= 0 && settings.min_samples <= 1e9))
        throw input_error("ohem_samples: ratio " + std::to_string(settings.ratio) + ", min_samples " +
                          std::to_string(settings.min_samples) + ", expected 0 or more");
    std::vector<int> chosen(matches.begin(), matches.end());
    std::vector<double> hardness(anchors);
    std::vector<std::uint32_t> order(anchors);
    std::size_t positives = 0;
    for (std::size_t a = 0; a < anchors; ++a) {
        positives += matches[a] >= 0 ? 1U : 0U;
        if (matches[a] < 0)
            chosen[a] = largest_overlap[a] < settings.thresh ? below_low_threshold : between_thresholds;
        hardness[a] =
            loss_detail::smoothed_cross_entropy<float>(cls_preds.subspan(a * classes, classes), 0, 0, 0, {});
    }
    const double wanted = std::max(settings.min_samples, settings.ratio * static_cast<double>(positives));
    mine_hard_negatives<double>(hardness, static_cast<std::size_t>(wanted), chosen, order);
    for (std::size_t a = 0; a < anchors; ++a)
        samples[a] = chosen[a] >= 0               ? sample::positive
                     : chosen[a] == hard_negative ? sample::negative
                                                  : sample::ignored;
}

// box_targets [anchors, 4] get the encoded object of positive anchors and zeros elsewhere, box_masks (the
// same size, or empty) ones and zeros: GluonCV's NormalizedBoxCenterEncoder. Throws input_error for sizes
// that do not fit and a positive anchor whose match is no object.
inline void encode_boxes(const gluoncv_box_coder& coder, span<const sample> samples, span<const int> matches,
                         span<const box> anchors, span<const box> objects, span<float> box_targets,
                         span<float> box_masks = {}) {
    const std::size_t count = anchors.size();
    if (samples.size() != count || matches.size() != count || box_targets.size() != count * 4 ||
        (!box_masks.empty() && box_masks.size() != count * 4))
        throw input_error("encode_boxes: samples, matches or targets do not fit " + std::to_string(count) +
                          " anchors");
    std::fill(box_targets.begin(), box_targets.end(), 0.0F);
    std::fill(box_masks.begin(), box_masks.end(), 0.0F);
    for (std::size_t a = 0; a < count; ++a) {
        if (samples[a] != sample::positive)
            continue;
        if (matches[a] < 0 || static_cast<std::size_t>(matches[a]) >= objects.size())
            throw input_error("encode_boxes: anchor " + std::to_string(a) + " matches object " +
                              std::to_string(matches[a]) + " of " + std::to_string(objects.size()));
        const box_offsets offsets = coder.encode(objects[static_cast<std::size_t>(matches[a])], anchors[a]);
        const float row[] = {offsets.dx, offsets.dy, offsets.dw, offsets.dh};
        std::copy_n(row, 4, box_targets.begin() + 4 * a);
        if (!box_masks.empty())
            std::fill_n(box_masks.begin() + 4 * a, 4, 1.0F);
    }
}

// Arguments of GluonCV's SSDTargetGenerator.
struct ssd_target_settings {
    float iou_thresh = 0.5F;          // anchors that overlap an object this much learn it
    float neg_thresh = 0.5F;          // mined negatives overlap all objects less
    double negative_mining_ratio = 3; // 0: no mining, all unmatched anchors are negatives (mined in the loss)
    gluoncv_box_coder coder{};
};

// The targets of one image, one entry an anchor.
struct ssd_targets {
    std::vector<int> cls_targets;   // a label, 0 for the background, -1 for ignored
    std::vector<float> box_targets; // [anchors, 4]
    std::vector<int> matches;       // the number of an object, or below_low_threshold
    std::vector<sample> samples;
};

// GluonCV's SSDTargetGenerator for one image: composite_match(), samples, encoded targets. Labels are
// ground_truth's, 1 and up, so GluonCV's ids plus 1. cls_preds [anchors, num_classes] are read for mining
// only. No objects: all anchors are background, or ignored with mining. Throws input_error for sizes that do
// not fit and as check(ground_truth).
inline ssd_targets generate_ssd_targets(span<const box> anchors, const ground_truth& objects,
                                        span<const float> cls_preds, std::size_t num_classes,
                                        const ssd_target_settings& settings = {}) {
    check({&objects, 1}, num_classes, "generate_ssd_targets");
    const std::size_t count = anchors.size();
    std::vector<float> overlaps(objects.boxes.size() * count), largest(count, 0.0F);
    box_iou(objects.boxes, anchors, overlaps);
    for (std::size_t i = 0; i < overlaps.size(); ++i)
        largest[i % count] = std::max(largest[i % count], overlaps[i]);
    ssd_targets targets;
    targets.matches.resize(count);
    targets.samples.resize(count);
    composite_match(overlaps, targets.matches, settings.iou_thresh);
    if (settings.negative_mining_ratio > 0) {
        if (cls_preds.size() != count * num_classes)
            throw input_error("generate_ssd_targets: cls_preds has " + std::to_string(cls_preds.size()) +
                              " values, expected " + std::to_string(count) + " x " +
                              std::to_string(num_classes));
        ohem_samples(targets.matches, largest, cls_preds, targets.samples,
                     {settings.negative_mining_ratio, 0, settings.neg_thresh});
    } else {
        naive_samples(targets.matches, targets.samples);
    }
    for (std::size_t a = 0; a < count; ++a)
        targets.cls_targets.push_back(targets.samples[a] == sample::positive
                                          ? objects.labels[static_cast<std::size_t>(targets.matches[a])]
                                      : targets.samples[a] == sample::negative ? 0
                                                                               : -1);
    targets.box_targets.resize(count * 4);
    encode_boxes(settings.coder, targets.samples, targets.matches, anchors, objects.boxes,
                 targets.box_targets);
    return targets;
}

} // namespace fovea
