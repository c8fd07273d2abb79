// Which detections of an image find an object, at each IoU threshold of COCO: the inner part of COCO
// evaluation.
#pragma once

#include <fovea/evaluate/annotations.hpp>
#include <fovea/evaluate/groups.hpp>
#include <fovea/math/rounded.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

// Objects and detections of other areas (square pixels, both ends included) are ignored.
struct area_range {
    double least = 0, most = 0;

    bool contains(double area) const noexcept { return least <= area && area <= most; }
};

// pycocotools Params.setDetParams: all, small, medium, large.
inline constexpr std::array<area_range, 4> coco_area_ranges{
    {{0, 1e10}, {0, 32 * 32}, {32 * 32, 96 * 96}, {96 * 96, 1e10}}};

inline constexpr std::size_t coco_iou_count = 10;

// .50, .55 .. .95, with the roundings of numpy.linspace(.5, .95, 10).
inline double coco_iou_threshold(std::size_t t) noexcept {
    const double step = (0.95 - 0.5) / 9;
    return t + 1 == coco_iou_count ? 0.95 : rounded(static_cast<double>(t) * step) + 0.5;
}

// What became of a detection; bit t of the masks is for IoU threshold t.
struct coco_outcome {
    double score = 0;
    std::size_t rank = 0; // within its image, 0 = best score
    std::uint16_t matched = 0;
    std::uint16_t ignored = 0; // counts neither as right nor as wrong
};

// The boxes of one category in one image, with their IoU computed once for all areas and thresholds.
class coco_image_matcher {
public:
    coco_image_matcher(const evaluation_group& group, std::size_t max_detections)
        : group_(&group), detections_(std::min(group.detections.size(), max_detections)),
          objects_(group.objects.size()) {
        for (std::size_t d = 0; d < detections_; ++d)
            for (const annotated_box& object : group.objects)
                overlaps_.push_back(overlap(group.detections[d].box, object.box, object.is_crowd));
    }

    // Appends the outcome of every detection and returns the number of objects that had to be found.
    std::size_t match(const area_range& range, std::vector<coco_outcome>& outcomes) {
        sort_objects(range);
        const std::size_t first = outcomes.size();
        for (std::size_t d = 0; d < detections_; ++d)
            outcomes.push_back({group_->detections[d].score, d, 0, 0});
        for (std::size_t t = 0; t < coco_iou_count; ++t)
            match_at(t, range, outcomes.data() + first);
        return counted_;
    }

private:
    static constexpr std::size_t none = static_cast<std::size_t>(-1);

    // Objects that count come first, then ignored ones (crowds and other areas), each in the given order.
    void sort_objects(const area_range& range) {
        order_.clear();
        const auto counts = [&](std::size_t g) {
            return !group_->objects[g].is_crowd && range.contains(group_->objects[g].area);
        };
        for (std::size_t g = 0; g < objects_; ++g)
            if (counts(g))
                order_.push_back(g);
        counted_ = order_.size();
        for (std::size_t g = 0; g < objects_; ++g)
            if (!counts(g))
                order_.push_back(g);
    }

    // Greedy by score. A detection takes the free object of largest IoU (the last of equal ones); one that
    // counts goes before any ignored one. Crowds are never used up. pycocotools COCOeval.evaluateImg.
    void match_at(std::size_t t, const area_range& range, coco_outcome* outcomes) {
        taken_.assign(objects_, false);
        const auto bit = static_cast<std::uint16_t>(1U << t);
        for (std::size_t d = 0; d < detections_; ++d) {
            const std::size_t place = best_object(d, coco_iou_threshold(t));
            const rectangle& box = group_->detections[d].box;
            if (place != none) {
                taken_[place] = true;
                outcomes[d].matched = static_cast<std::uint16_t>(outcomes[d].matched | bit);
            }
            if (place != none ? place >= counted_ : !range.contains(box.width * box.height))
                outcomes[d].ignored = static_cast<std::uint16_t>(outcomes[d].ignored | bit);
        }
    }

    std::size_t best_object(std::size_t d, double threshold) const {
        double best = std::min(threshold, 1 - 1e-10);
        std::size_t chosen = none;
        for (std::size_t place = 0; place < objects_; ++place) {
            if (place == counted_ && chosen != none)
                break;
            const std::size_t g = order_[place];
            if (taken_[place] && !group_->objects[g].is_crowd)
                continue;
            if (overlaps_[d * objects_ + g] < best)
                continue;
            best = overlaps_[d * objects_ + g];
            chosen = place;
        }
        return chosen;
    }

    const evaluation_group* group_;
    std::size_t detections_, objects_;
    std::vector<double> overlaps_;   // [detections, objects]
    std::vector<std::size_t> order_; // places of the objects; the first counted_ must be found
    std::vector<bool> taken_;        // by place
    std::size_t counted_ = 0;
};

} // namespace fovea
