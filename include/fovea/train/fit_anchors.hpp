// Anchors fitted to a data set before training: k-means on the sizes of its boxes, printed as a table to
// paste.
#pragma once

#include <fovea/detect/default_box_table.hpp>
#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/shape_clusters.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

// Widths and heights of boxes.
inline std::vector<box_shape> shapes_of(span<const box> boxes) {
    std::vector<box_shape> shapes;
    shapes.reserve(boxes.size());
    for (const box& b : boxes)
        shapes.push_back({b.x2 - b.x1, b.y2 - b.y1});
    return shapes;
}

// Every shape that a table's anchors have, in pixels, of all levels.
inline std::vector<box_shape> shapes_of(const efficientdet_anchor_table& table) {
    check(table);
    std::vector<box_shape> shapes;
    for (int l = table.min_level; l <= table.max_level; ++l)
        for (const double scale : table.scales)
            for (const anchor_ratio& ratio : table.ratios) {
                const double side = table.anchor_scale * std::ldexp(scale, l);
                shapes.push_back(
                    {static_cast<float>(side * ratio.width), static_cast<float>(side * ratio.height)});
            }
    return shapes;
}

// `count` ratios of area 1, of increasing width over height and rounded to four decimals, to which the
// aspects of the boxes are nearest on average, whatever their areas. Throws as fit_shapes().
inline std::vector<anchor_ratio> fit_ratios(span<const box_shape> boxes, std::size_t count,
                                            const anchor_fit_settings& settings = {}) {
    detail::check_shapes("fit_ratios", boxes);
    const auto to_area_1 = [](const box_shape& s) {
        const double width = static_cast<double>(s.width), height = static_cast<double>(s.height);
        return anchor_ratio{std::sqrt(width / height), std::sqrt(height / width)};
    };
    std::vector<box_shape> aspects;
    aspects.reserve(boxes.size());
    for (const box_shape& b : boxes) {
        const anchor_ratio ratio = to_area_1(b);
        aspects.push_back({static_cast<float>(ratio.width), static_cast<float>(ratio.height)});
    }
    std::vector<anchor_ratio> ratios;
    for (const box_shape& s : fit_shapes(aspects, count, settings).shapes) {
        const anchor_ratio ratio = to_area_1(s);
        ratios.push_back({std::round(ratio.width * 1e4) / 1e4, std::round(ratio.height * 1e4) / 1e4});
    }
    std::sort(ratios.begin(), ratios.end(), [](const anchor_ratio& a, const anchor_ratio& b) {
        return a.width / a.height < b.width / b.height;
    });
    return ratios;
}

// The table with its ratios, as many as it has, and its anchor_scale (in quarters of a cell, 1 to 8) fitted
// to boxes in pixels of the network's input; what does not raise mean_shape_iou() stays. Throws as
// fit_shapes().
inline efficientdet_anchor_table fit_efficientdet_anchors(const efficientdet_anchor_table& table,
                                                          span<const box_shape> boxes,
                                                          const anchor_fit_settings& settings = {}) {
    efficientdet_anchor_table best = table, ratios = table;
    double largest = mean_shape_iou(shapes_of(table), boxes);
    const auto keep_better = [&](const efficientdet_anchor_table& tried) {
        if (const double iou = mean_shape_iou(shapes_of(tried), boxes); iou > largest) {
            largest = iou;
            best = tried;
        }
    };
    ratios.ratios = {};
    for (const anchor_ratio& r : fit_ratios(boxes, table.ratios.size(), settings))
        ratios.ratios.push_back(r);
    keep_better(ratios);
    for (efficientdet_anchor_table tried : {table, ratios})
        for (int quarters = 4; quarters <= 32; ++quarters) {
            tried.anchor_scale = quarters / 4.0;
            keep_better(tried);
        }
    return best;
}

namespace detail {

// The shortest digits that read back as the same number.
inline std::string source_number(double v) {
    char text[32];
    const auto end = std::to_chars(text, text + sizeof text, v).ptr;
    return {text, end};
}

} // namespace detail

// The table as C++ to paste; the compiler reads the same numbers back.
inline std::string to_source(const efficientdet_anchor_table& table, const std::string& name = "anchors") {
    using detail::source_number;
    std::string scales, ratios;
    for (const double scale : table.scales)
        scales += (scales.empty() ? "" : ", ") + source_number(scale);
    for (const anchor_ratio& r : table.ratios)
        ratios += std::string(ratios.empty() ? "" : ", ") + "{" + source_number(r.width) + ", " +
                  source_number(r.height) + "}";
    return "constexpr fovea::efficientdet_anchor_table " + name + "{{" + scales + "}, {" + ratios + "}, " +
           std::to_string(table.min_level) + ", " + std::to_string(table.max_level) + ", " +
           source_number(table.anchor_scale) + "};\n";
}

} // namespace fovea
