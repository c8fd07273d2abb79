// Greedy non-maximum suppression: of boxes that overlap too much only the best-scored one stays.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/detect/label_offset.hpp>
#include <fovea/detect/score_order.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <limits>
#include <string>
#include <vector>

namespace fovea {

inline constexpr std::size_t keep_all = std::numeric_limits<std::size_t>::max();

// Above this number of boxes torchvision's CPU batched_nms works class by class (ops/boxes.py: numel() >
// 4000).
inline constexpr std::size_t batched_nms_offset_limit = 1000;

// Memory of the functions below for up to `capacity` boxes, owned by the caller, so that calls allocate
// nothing.
class nms_workspace {
public:
    explicit nms_workspace(std::size_t capacity)
        : order_(capacity), kept_(capacity), areas_(capacity), shifted_(capacity) {}

    std::size_t capacity() const noexcept { return order_.size(); }

private:
    friend class nms_pass;
    std::vector<std::size_t> order_, kept_;
    std::vector<float> areas_; // of the kept boxes
    std::vector<box> shifted_;
};

// One run over boxes and scores of equal number; the public functions below are its recipes. Box numbers, not
// boxes, are ordered and kept.
class nms_pass {
public:
    nms_pass(span<const box> boxes, span<const float> scores, double iou_threshold, nms_workspace& workspace)
        : boxes_(boxes), scores_(scores), threshold_(iou_threshold), work_(workspace) {
        const std::string counts = std::to_string(boxes.size()) + " boxes";
        if (scores.size() != boxes.size())
            throw input_error("nms: " + counts + ", but " + std::to_string(scores.size()) + " scores");
        if (boxes.size() > workspace.capacity())
            throw input_error("nms: " + counts + ", but a workspace for " +
                              std::to_string(workspace.capacity()));
        if (std::isnan(iou_threshold))
            throw input_error("nms: the IoU threshold is NaN");
        for (std::size_t i = 0; i < boxes.size(); ++i)
            work_.order_[i] = i;
    }

    // All boxes against each other.
    span<const std::size_t> single_class(std::size_t max_kept) {
        sort(work_.order_, boxes_.size());
        suppress(0, boxes_.size(), max_kept);
        return kept();
    }

    // Boxes of different labels do not suppress each other, each label being a pass of its own.
    span<const std::size_t> class_by_class(span<const int> labels, std::size_t max_kept) {
        check_labels(labels);
        const std::size_t n = boxes_.size();
        std::sort(work_.order_.data(), work_.order_.data() + n, [&](std::size_t a, std::size_t b) {
            return labels[a] != labels[b] ? labels[a] < labels[b] : before(a, b);
        });
        for (std::size_t first = 0, last = 0; first < n; first = last) {
            while (last < n && labels[work_.order_[last]] == labels[work_.order_[first]])
                ++last;
            suppress(first, last, keep_all);
        }
        sort(work_.kept_, kept_count_);
        kept_count_ = std::min(kept_count_, max_kept);
        return kept();
    }

    // The same in one pass over boxes that moved_by_label() has set apart.
    span<const std::size_t> shifted_by_class(span<const int> labels, std::size_t max_kept) {
        check_labels(labels);
        const float largest = largest_coordinate(boxes_);
        for (std::size_t i = 0; i < boxes_.size(); ++i)
            work_.shifted_[i] = moved_by_label(boxes_[i], labels[i], largest);
        boxes_ = {work_.shifted_.data(), boxes_.size()};
        return single_class(max_kept);
    }

private:
    bool before(std::size_t a, std::size_t b) const noexcept {
        return scored_before(scores_[a], a, scores_[b], b);
    }

    void sort(std::vector<std::size_t>& numbers, std::size_t count) {
        std::sort(numbers.data(), numbers.data() + count,
                  [this](std::size_t a, std::size_t b) { return before(a, b); });
    }

    // Appends the survivors among order_[first .. last) to the kept boxes, comparing only those among each
    // other.
    void suppress(std::size_t first, std::size_t last, std::size_t max_kept) {
        const std::size_t first_kept = kept_count_;
        for (; first < last && kept_count_ < max_kept; ++first) {
            const box& candidate = boxes_[work_.order_[first]];
            const float candidate_area = area(candidate);
            bool keep = true;
            for (std::size_t k = first_kept; keep && k < kept_count_; ++k)
                keep =
                    !(iou(boxes_[work_.kept_[k]], work_.areas_[k], candidate, candidate_area) > threshold_);
            if (!keep)
                continue;
            work_.kept_[kept_count_] = work_.order_[first];
            work_.areas_[kept_count_++] = candidate_area;
        }
    }

    void check_labels(span<const int> labels) const {
        if (labels.size() != boxes_.size())
            throw input_error("batched_nms: " + std::to_string(boxes_.size()) + " boxes, but " +
                              std::to_string(labels.size()) + " labels");
    }

    span<const std::size_t> kept() const noexcept { return {work_.kept_.data(), kept_count_}; }

    span<const box> boxes_;
    span<const float> scores_;
    double threshold_;
    nms_workspace& work_;
    std::size_t kept_count_ = 0;
};

// Numbers of the boxes that stay, best score first (equal scores: lower number first), valid until the
// workspace is used again. A box goes when its IoU with a better one that stays is above iou_threshold; it
// stays when equal, or when the IoU is NaN. Stops once max_kept stay. Throws input_error for unequal counts,
// a small workspace or a NaN threshold. Source: torchvision nms (csrc/ops/cpu/nms_kernel.cpp).
inline span<const std::size_t> nms(span<const box> boxes, span<const float> scores, double iou_threshold,
                                   nms_workspace& workspace, std::size_t max_kept = keep_all) {
    return nms_pass(boxes, scores, iou_threshold, workspace).single_class(max_kept);
}

// nms() among the boxes of each label, by the way that torchvision's batched_nms takes for this number of
// boxes.
inline span<const std::size_t> batched_nms(span<const box> boxes, span<const float> scores,
                                           span<const int> labels, double iou_threshold,
                                           nms_workspace& workspace, std::size_t max_kept = keep_all) {
    nms_pass pass(boxes, scores, iou_threshold, workspace);
    return boxes.size() > batched_nms_offset_limit ? pass.class_by_class(labels, max_kept)
                                                   : pass.shifted_by_class(labels, max_kept);
}

} // namespace fovea
