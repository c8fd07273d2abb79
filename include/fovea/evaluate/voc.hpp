// Mean average precision as the PASCAL VOC challenges define it, with 11 recall points or as an area.
#pragma once

#include <fovea/evaluate/annotations.hpp>
#include <fovea/evaluate/groups.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

namespace fovea {

enum class voc_metric {
    eleven_points, // VOC2007: greatest precision at recall >= 0, .1 .. 1, averaged
    area           // VOC2010 and later: area under the monotone precision-recall curve
};

struct voc_settings {
    voc_metric metric = voc_metric::area;
    double iou_threshold = 0.5; // reached or exceeded
    // Added to widths, heights and overlaps: 1 where corners are pixel indices, both included (VOC's files,
    // with width = xmax - xmin); 0 where they are positions (COCO's).
    double pixel = 1;
};

struct voc_category {
    std::int64_t category_id = 0;
    double ap = 0;
};

struct voc_result {
    double map = -1;                      // -1 when no object counts
    std::vector<voc_category> categories; // those with objects that count, ascending ids
};

namespace detail {

struct voc_detection {
    double score = 0;
    std::int64_t image_id = 0;
    const scored_box* box = nullptr;
};

inline double voc_overlap(const rectangle& a, const rectangle& b, double pixel) noexcept {
    const double width = std::min(a.x + a.width, b.x + b.width) - std::max(a.x, b.x) + pixel;
    const double height = std::min(a.y + a.height, b.y + b.height) - std::max(a.y, b.y) + pixel;
    if (!(width > 0 && height > 0))
        return 0;
    const double shared = width * height;
    return shared /
           ((a.width + pixel) * (a.height + pixel) + (b.width + pixel) * (b.height + pixel) - shared);
}

// Precision and recall after each detection that counts, best score first.
struct voc_curve {
    std::size_t objects = 0; // that are not difficult
    std::vector<double> precision, recall;
};

// A detection is right when the object of largest overlap reaches the threshold and no better detection has
// it; it does not count when that object is difficult. Source: VOCdevkit VOCevaldet.m.
inline voc_curve voc_match(const category_groups& images, const voc_settings& settings) {
    voc_curve curve;
    std::vector<voc_detection> all;
    std::map<std::int64_t, std::vector<bool>> found;
    for (const auto& [image_id, group] : images) {
        found[image_id].resize(group.objects.size());
        for (const annotated_box& object : group.objects)
            curve.objects += !object.difficult;
        for (const scored_box& detection : group.detections)
            all.push_back({detection.score, image_id, &detection});
    }
    std::stable_sort(all.begin(), all.end(),
                     [](const voc_detection& a, const voc_detection& b) { return a.score > b.score; });
    double right = 0, wrong = 0;
    for (const voc_detection& detection : all) {
        const std::vector<annotated_box>& objects = images.at(detection.image_id).objects;
        double best = -1;
        std::size_t chosen = 0;
        for (std::size_t g = 0; g < objects.size(); ++g)
            if (const double o = voc_overlap(detection.box->box, objects[g].box, settings.pixel); o > best) {
                best = o;
                chosen = g;
            }
        const bool hit = best >= settings.iou_threshold;
        if (hit && objects[chosen].difficult)
            continue;
        const bool first = hit && !found[detection.image_id][chosen];
        if (first)
            found[detection.image_id][chosen] = true;
        (first ? right : wrong) += 1;
        curve.precision.push_back(right / (right + wrong));
        curve.recall.push_back(right / static_cast<double>(curve.objects));
    }
    return curve;
}

// Greatest precision at recall `at` or beyond, 0 beyond the curve.
inline double voc_precision_from(const voc_curve& curve, double at) noexcept {
    double greatest = 0;
    for (std::size_t i = 0; i < curve.recall.size(); ++i)
        if (curve.recall[i] >= at)
            greatest = std::max(greatest, curve.precision[i]);
    return greatest;
}

inline double voc_average_precision(voc_curve curve, voc_metric metric) {
    double sum = 0;
    if (metric == voc_metric::eleven_points) {
        for (int tenth = 0; tenth <= 10; ++tenth)
            sum += voc_precision_from(curve, tenth / 10.0) / 11;
        return sum;
    }
    for (std::size_t i = curve.precision.size(); i > 1; --i)
        curve.precision[i - 2] = std::max(curve.precision[i - 2], curve.precision[i - 1]);
    double recall = 0;
    for (std::size_t i = 0; i < curve.recall.size(); ++i) {
        sum += (curve.recall[i] - recall) * curve.precision[i];
        recall = curve.recall[i];
    }
    return sum;
}

} // namespace detail

// Detections of equal score count in the order of their images' ids. Throws input_error for a number that is
// not finite and for an IoU threshold outside 0 .. 1, 0 excluded.
inline voc_result evaluate_voc(span<const annotated_box> objects, span<const scored_box> detections,
                               const voc_settings& settings = {}) {
    if (!(settings.iou_threshold > 0 && settings.iou_threshold <= 1) || !(settings.pixel >= 0))
        throw input_error(
            "evaluate_voc: the IoU threshold must be in 0 .. 1, above 0, and pixel not negative");
    voc_result result;
    double sum = 0;
    for (const auto& [category_id, images] : group_boxes(objects, detections)) {
        const detail::voc_curve curve = detail::voc_match(images, settings);
        if (curve.objects == 0)
            continue;
        result.categories.push_back({category_id, detail::voc_average_precision(curve, settings.metric)});
        sum += result.categories.back().ap;
    }
    if (!result.categories.empty())
        result.map = sum / static_cast<double>(result.categories.size());
    return result;
}

} // namespace fovea
