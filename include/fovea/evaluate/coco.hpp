// The twelve figures of COCO's detection challenge: average precision and recall over IoU thresholds, sizes
// and counts.
#pragma once

#include <fovea/evaluate/annotations.hpp>
#include <fovea/evaluate/coco_matching.hpp>
#include <fovea/evaluate/groups.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace fovea {

// In the order that pycocotools prints them; -1 where no object counts. AP: precision at 101 recall points
// averaged over IoU .50 .. .95 and categories. AR: recall likewise, with 1, 10 or 100 detections an image and
// category.
struct coco_figures {
    double ap = -1, ap50 = -1, ap75 = -1, ap_small = -1, ap_medium = -1, ap_large = -1;
    double ar1 = -1, ar10 = -1, ar100 = -1, ar_small = -1, ar_medium = -1, ar_large = -1;
};

// All areas, 100 detections; -1 for categories that have detections but no object that counts.
struct coco_category {
    std::int64_t category_id = 0;
    double ap = -1, ap50 = -1, ap75 = -1, ar100 = -1;
};

struct coco_result {
    coco_figures figures;
    std::vector<coco_category> categories; // ascending ids
};

namespace detail {

inline constexpr std::array<std::size_t, 3> coco_max_detections{1, 10, 100};
inline constexpr std::size_t coco_recall_points = 101;

// Precision (mean over the recall points) and recall of one category at each IoU threshold.
struct coco_curve {
    bool exists = false; // there are objects that count
    std::array<double, coco_iou_count> precision{}, recall{};
};

// Mean of the greatest precision at or beyond recall 0, .01 .. 1, given precision and recall after each
// detection.
inline double mean_interpolated_precision(std::vector<double>& precision, const std::vector<double>& recall) {
    for (std::size_t i = precision.size(); i > 1; --i)
        precision[i - 2] = std::max(precision[i - 2], precision[i - 1]);
    double sum = 0;
    std::size_t i = 0;
    for (std::size_t r = 0; r < coco_recall_points; ++r) {
        const double at = r + 1 == coco_recall_points ? 1.0 : static_cast<double>(r) * 0.01;
        while (i < recall.size() && recall[i] < at)
            ++i;
        if (i == recall.size())
            break;
        sum += precision[i];
    }
    return sum / static_cast<double>(coco_recall_points);
}

// pycocotools COCOeval.accumulate for one category, area and number of detections. outcomes: of all images,
// in descending order of score.
inline coco_curve coco_accumulate(const std::vector<coco_outcome>& outcomes, std::size_t objects,
                                  std::size_t max_detections) {
    coco_curve curve;
    curve.exists = objects > 0;
    std::vector<double> precision, recall;
    for (std::size_t t = 0; t < coco_iou_count && curve.exists; ++t) {
        precision.clear();
        recall.clear();
        double right = 0, wrong = 0;
        for (const coco_outcome& o : outcomes) {
            if (o.rank >= max_detections)
                continue;
            const bool ignored = (o.ignored >> t) & 1U, matched = (o.matched >> t) & 1U;
            right += !ignored && matched;
            wrong += !ignored && !matched;
            precision.push_back(right / (wrong + right + std::numeric_limits<double>::epsilon()));
            recall.push_back(right / static_cast<double>(objects));
        }
        curve.recall[t] = recall.empty() ? 0 : recall.back();
        curve.precision[t] = mean_interpolated_precision(precision, recall);
    }
    return curve;
}

// The curves of one category.
struct coco_category_curves {
    std::int64_t category_id = 0;
    std::array<coco_curve, 4> by_area;  // with 100 detections, as coco_area_ranges
    std::array<coco_curve, 2> by_count; // all areas, with 1 and 10 detections
};

inline coco_category_curves coco_evaluate_category(std::int64_t id, const category_groups& images) {
    coco_category_curves curves;
    curves.category_id = id;
    std::array<std::vector<coco_outcome>, 4> outcomes;
    std::array<std::size_t, 4> objects{};
    for (const auto& image : images) {
        coco_image_matcher matcher(image.second, coco_max_detections.back());
        for (std::size_t a = 0; a < coco_area_ranges.size(); ++a)
            objects[a] += matcher.match(coco_area_ranges[a], outcomes[a]);
    }
    for (std::size_t a = 0; a < coco_area_ranges.size(); ++a) {
        std::stable_sort(outcomes[a].begin(), outcomes[a].end(),
                         [](const coco_outcome& x, const coco_outcome& y) { return x.score > y.score; });
        curves.by_area[a] = coco_accumulate(outcomes[a], objects[a], coco_max_detections.back());
    }
    for (std::size_t m = 0; m < curves.by_count.size(); ++m)
        curves.by_count[m] = coco_accumulate(outcomes[0], objects[0], coco_max_detections[m]);
    return curves;
}

inline double mean(const std::array<double, coco_iou_count>& values) noexcept {
    double sum = 0;
    for (double v : values)
        sum += v;
    return sum / static_cast<double>(values.size());
}

// Mean of value(curve) over the categories whose curve exists, -1 when none does.
template <class Select, class Value>
double coco_mean(const std::vector<coco_category_curves>& categories, Select select, Value value) {
    double sum = 0;
    std::size_t count = 0;
    for (const coco_category_curves& c : categories)
        if (const coco_curve& curve = select(c); curve.exists) {
            sum += value(curve);
            ++count;
        }
    return count == 0 ? -1 : sum / static_cast<double>(count);
}

inline coco_figures coco_summarize(const std::vector<coco_category_curves>& categories) {
    const auto of_area = [](std::size_t a) {
        return [a](const coco_category_curves& c) -> const coco_curve& { return c.by_area[a]; };
    };
    const auto of_count = [](std::size_t m) {
        return [m](const coco_category_curves& c) -> const coco_curve& { return c.by_count[m]; };
    };
    const auto precision_at = [](std::size_t t) {
        return [t](const coco_curve& c) { return c.precision[t]; };
    };
    const auto precision = [](const coco_curve& c) { return mean(c.precision); };
    const auto recall = [](const coco_curve& c) { return mean(c.recall); };
    coco_figures f;
    f.ap = coco_mean(categories, of_area(0), precision);
    f.ap50 = coco_mean(categories, of_area(0), precision_at(0));
    f.ap75 = coco_mean(categories, of_area(0), precision_at(5));
    f.ap_small = coco_mean(categories, of_area(1), precision);
    f.ap_medium = coco_mean(categories, of_area(2), precision);
    f.ap_large = coco_mean(categories, of_area(3), precision);
    f.ar1 = coco_mean(categories, of_count(0), recall);
    f.ar10 = coco_mean(categories, of_count(1), recall);
    f.ar100 = coco_mean(categories, of_area(0), recall);
    f.ar_small = coco_mean(categories, of_area(1), recall);
    f.ar_medium = coco_mean(categories, of_area(2), recall);
    f.ar_large = coco_mean(categories, of_area(3), recall);
    return f;
}

} // namespace detail

// COCO evaluation of boxes as pycocotools' COCOeval does it (iouType "bbox"), in double. Of an image's
// detections of a category the 100 best count. Throws input_error for a number that is not finite. Unlike
// pycocotools an object needs no id, so that one with id 0 can be found as well.
inline coco_result evaluate_coco(span<const annotated_box> objects, span<const scored_box> detections) {
    std::vector<detail::coco_category_curves> curves;
    for (const auto& category : group_boxes(objects, detections))
        curves.push_back(detail::coco_evaluate_category(category.first, category.second));
    coco_result result;
    result.figures = detail::coco_summarize(curves);
    for (const auto& c : curves) {
        const detail::coco_curve& all = c.by_area[0];
        result.categories.push_back({c.category_id});
        if (all.exists)
            result.categories.back() = {c.category_id, detail::mean(all.precision), all.precision[0],
                                        all.precision[5], detail::mean(all.recall)};
    }
    return result;
}

} // namespace fovea
