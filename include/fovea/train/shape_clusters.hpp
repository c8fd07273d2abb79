// k-means on box sizes with the distance 1 - IoU: the arithmetic under fit_anchors.hpp.
#pragma once

#include <fovea/detect/default_box_table.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

struct anchor_fit_settings {
    std::uint64_t seed = 0;
    std::size_t starts = 4;   // independent tries, of which the best counts
    std::size_t rounds = 100; // of a try, at most
};

// IoU of boxes with one centre.
inline double shape_iou(const box_shape& a, const box_shape& b) noexcept {
    const auto wide = [](float v) { return static_cast<double>(v); };
    const double both = wide(std::min(a.width, b.width)) * wide(std::min(a.height, b.height));
    return both / (wide(a.width) * wide(a.height) + wide(b.width) * wide(b.height) - both);
}

struct fitted_shapes {
    std::vector<box_shape> shapes; // of increasing area
    double mean_iou = 0;           // of a box with the shape nearest to it
};

namespace detail {

inline void check_shapes(const char* who, span<const box_shape> shapes) {
    if (shapes.empty())
        throw input_error(std::string(who) + ": no boxes");
    for (std::size_t i = 0; i < shapes.size(); ++i)
        if (!(shapes[i].width > 0 && shapes[i].height > 0 && shapes[i].width <= 1e9F &&
              shapes[i].height <= 1e9F))
            throw input_error(std::string(who) + ": box " + std::to_string(i) + " is " +
                              std::to_string(shapes[i].width) + " x " + std::to_string(shapes[i].height) +
                              ", expected positive sides");
}

// The first shape of largest IoU with a box, and that IoU.
struct nearest_shape {
    std::size_t index = 0;
    double iou = 0;
};
inline nearest_shape nearest(span<const box_shape> shapes, const box_shape& b) noexcept {
    nearest_shape best;
    for (std::size_t k = 0; k < shapes.size(); ++k)
        if (const double iou = shape_iou(shapes[k], b); iou > best.iou)
            best = {k, iou};
    return best;
}

// k-means++ (Arthur and Vassilvitskii, 2007): boxes that are far from those chosen before are likelier.
// Throws input_error when there are fewer different boxes than shapes wanted.
inline std::vector<box_shape> first_shapes(span<const box_shape> boxes, std::size_t count,
                                           random_stream& random) {
    std::vector<box_shape> shapes{boxes[static_cast<std::size_t>(random.below(boxes.size()))]};
    std::vector<double> weights(boxes.size());
    while (shapes.size() < count) {
        double sum = 0;
        for (std::size_t i = 0; i < boxes.size(); ++i) {
            const double distance = 1 - nearest(shapes, boxes[i]).iou;
            sum += weights[i] = distance * distance;
        }
        if (!(sum > 0))
            throw input_error("fit_shapes: " + std::to_string(count) + " shapes wanted of boxes that have " +
                              std::to_string(shapes.size()));
        double left = random.uniform_double() * sum;
        std::size_t chosen = boxes.size(); // the last box of any weight, should rounding leave something
        for (std::size_t i = 0; i < boxes.size() && (chosen == boxes.size() || left >= 0); ++i)
            if (weights[i] > 0) {
                chosen = i;
                left -= weights[i];
            }
        shapes.push_back(boxes[chosen]);
    }
    return shapes;
}

} // namespace detail

// The mean over boxes of the IoU with the nearest shape, both at one centre: at most what anchors of these
// shapes reach. 0 without shapes. Throws input_error without boxes and for sides that are not positive.
inline double mean_shape_iou(span<const box_shape> shapes, span<const box_shape> boxes) {
    detail::check_shapes("mean_shape_iou", boxes);
    double sum = 0;
    for (const box_shape& b : boxes)
        sum += detail::nearest(shapes, b).iou;
    return sum / static_cast<double>(boxes.size());
}

// `count` shapes near the boxes: k-means with the distance 1 - IoU (Redmon and Farhadi, 2017, "Dimension
// Clusters"), the best round of all tries. Depends on the boxes, their order and the settings alone. Throws
// input_error without boxes, for sides that are not positive, and for no shapes or more than different boxes.
inline fitted_shapes fit_shapes(span<const box_shape> boxes, std::size_t count,
                                const anchor_fit_settings& settings = {}) {
    detail::check_shapes("fit_shapes", boxes);
    if (count == 0 || settings.starts == 0)
        throw input_error("fit_shapes: expected a shape and a start at least");
    struct members {
        double width = 0, height = 0, count = 0;
    };
    fitted_shapes best;
    for (std::size_t start = 0; start < settings.starts; ++start) {
        random_stream random(settings.seed, start);
        std::vector<box_shape> shapes = detail::first_shapes(boxes, count, random);
        double before = -1;
        for (std::size_t round = 0;; ++round) {
            std::vector<members> groups(count);
            double sum = 0;
            for (const box_shape& b : boxes) {
                const detail::nearest_shape at = detail::nearest(shapes, b);
                members& group = groups[at.index];
                group.width += static_cast<double>(b.width);
                group.height += static_cast<double>(b.height);
                group.count += 1;
                sum += at.iou;
            }
            const double mean = sum / static_cast<double>(boxes.size());
            if (mean > best.mean_iou)
                best = {shapes, mean};
            if (mean <= before || round >= settings.rounds)
                break; // means are no optimum of this distance: a round may lose
            before = mean;
            for (std::size_t k = 0; k < count; ++k)
                if (groups[k].count > 0)
                    shapes[k] = {static_cast<float>(groups[k].width / groups[k].count),
                                 static_cast<float>(groups[k].height / groups[k].count)};
        }
    }
    const auto area = [](const box_shape& s) {
        return static_cast<double>(s.width) * static_cast<double>(s.height);
    };
    std::sort(best.shapes.begin(), best.shapes.end(), [&](const box_shape& a, const box_shape& b) {
        return area(a) != area(b) ? area(a) < area(b) : a.width < b.width;
    });
    return best;
}

} // namespace fovea
