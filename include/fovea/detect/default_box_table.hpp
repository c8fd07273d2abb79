// The default boxes of an SSD head as data: ratios and scales of each level, and the box sizes that follow
// from them.
#pragma once

#include <fovea/detect/fixed_list.hpp>
#include <fovea/error.hpp>
#include <fovea/math/sqrt.hpp>

#include <cstddef>

namespace fovea {

inline constexpr std::size_t max_box_levels = 8;
inline constexpr std::size_t max_box_ratios = 6;
inline constexpr std::size_t max_boxes_per_cell = 2 + 2 * max_box_ratios;

// Arguments of torchvision's DefaultBoxGenerator (models/detection/anchor_utils.py), in its order. constexpr
// data, e.g. default_box_table{{{2}, {2, 3}}, {0.1, 0.4, 0.7}, {16, 32}}. The scales must be given; see
// linear_scales().
struct default_box_table {
    fixed_list<fixed_list<double, max_box_ratios>, max_box_levels> aspect_ratios; // one list a level
    fixed_list<double, max_box_levels + 1> scales; // of the image's sides; one a level and one more
    fixed_list<double, max_box_levels>
        steps{};      // pixels from cell to cell; empty: the image's share of a cell
    bool clip = true; // clamp widths and heights (not corners) to the image

    constexpr std::size_t levels() const noexcept { return aspect_ratios.size(); }

    // Boxes at each position of a level's map: two of ratio 1 and two for each ratio.
    constexpr std::size_t boxes_per_cell(std::size_t level) const noexcept {
        return 2 + 2 * aspect_ratios[level].size();
    }
};

// The scales that torchvision derives from min_ratio and max_ratio: evenly from one to the other, then 1.
constexpr fixed_list<double, max_box_levels + 1> linear_scales(double min_ratio, double max_ratio,
                                                               std::size_t levels) {
    if (levels == 1)
        return {min_ratio, max_ratio};
    fixed_list<double, max_box_levels + 1> scales;
    const double range = max_ratio - min_ratio;
    for (std::size_t k = 0; k < levels; ++k)
        scales.push_back(min_ratio + range * static_cast<double>(k) / (static_cast<double>(levels) - 1.0));
    scales.push_back(1.0);
    return scales;
}

// Width and height of a default box as fractions of the image's.
struct box_shape {
    float width = 0, height = 0;
};

using box_shapes = fixed_list<box_shape, max_boxes_per_cell>;

// Throws input_error (at compile time: fails to compile) when lists do not belong together or a number is not
// positive.
constexpr void check(const default_box_table& table) {
    constexpr double largest = 1e6; // far beyond any image, and safe from overflow in float
    const auto positive = [](double v) { return v > 0 && v <= largest; };
    if (table.levels() == 0)
        throw input_error("default_box_table: no levels");
    if (table.scales.size() != table.levels() + 1)
        throw input_error("default_box_table: needs one scale a level and one more");
    if (!table.steps.empty() && table.steps.size() != table.levels())
        throw input_error("default_box_table: needs one step a level or none");
    for (const auto& ratios : table.aspect_ratios)
        for (double ratio : ratios)
            if (!positive(ratio))
                throw input_error("default_box_table: an aspect ratio is not positive");
    for (double scale : table.scales)
        if (!positive(scale))
            throw input_error("default_box_table: a scale is not positive");
    for (double step : table.steps)
        if (!positive(step))
            throw input_error("default_box_table: a step is not positive");
}

// Shapes of a level's boxes before clipping, in the order of the head's channels: (s, s), (s', s') with
// s' = sqrt(s_k s_k+1), then for each ratio r (s sqrt r, s / sqrt r) and its transpose. Double inside, as
// torchvision.
constexpr box_shapes unclipped_box_shapes(const default_box_table& table, std::size_t level) {
    const double s = table.scales[level];
    const double s_prime = constexpr_sqrt(s * table.scales[level + 1]);
    box_shapes shapes;
    const auto push = [&shapes](double width, double height) {
        shapes.push_back({static_cast<float>(width), static_cast<float>(height)});
    };
    push(s, s);
    push(s_prime, s_prime);
    for (double ratio : table.aspect_ratios[level]) {
        const double root = constexpr_sqrt(ratio);
        push(s * root, s / root);
        push(s / root, s * root);
    }
    return shapes;
}

// The same, clipped to the image when the table asks for it.
constexpr box_shapes default_box_shapes(const default_box_table& table, std::size_t level) {
    const auto clamp = [&table](float v) { return table.clip && v > 1.0F ? 1.0F : v; };
    box_shapes shapes;
    for (const box_shape& shape : unclipped_box_shapes(table, level))
        shapes.push_back({clamp(shape.width), clamp(shape.height)});
    return shapes;
}

} // namespace fovea
