// GluonCV's anchors of an SSD: sizes, ratios and steps of each level as data, and the boxes that follow.
#pragma once

#include <fovea/detect/center_box.hpp>
#include <fovea/detect/default_boxes.hpp>
#include <fovea/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

// Arguments of GluonCV's SSDAnchorGenerator, one entry a level, and one size more (model_zoo/ssd/anchor.py).
// The first ratio of a level stands for the two squares.
struct gluoncv_anchor_table {
    fixed_list<double, max_box_levels + 1> sizes;                          // pixels
    fixed_list<fixed_list<double, max_box_ratios>, max_box_levels> ratios; // width over height
    fixed_list<double, max_box_levels> steps;                              // pixels from cell to cell
    bool clip = false; // clamp all four numbers to the image's sides

    constexpr std::size_t levels() const noexcept { return ratios.size(); }
    constexpr std::size_t boxes_per_cell(std::size_t level) const noexcept {
        return ratios[level].size() + 1;
    }
};

// Throws input_error when lists do not belong together or a number is not positive.
constexpr void check(const gluoncv_anchor_table& table) {
    const auto positive = [](double v) { return v > 0 && v <= 1e6; };
    if (table.levels() == 0)
        throw input_error("gluoncv_anchor_table: no levels");
    if (table.sizes.size() != table.levels() + 1)
        throw input_error("gluoncv_anchor_table: needs one size a level and one more");
    if (table.steps.size() != table.levels())
        throw input_error("gluoncv_anchor_table: needs one step a level");
    for (const auto& ratios : table.ratios) {
        if (ratios.empty())
            throw input_error("gluoncv_anchor_table: a level has no ratios");
        for (double ratio : ratios)
            if (!positive(ratio))
                throw input_error("gluoncv_anchor_table: a ratio is not positive");
    }
    for (double size : table.sizes)
        if (!positive(size))
            throw input_error("gluoncv_anchor_table: a size is not positive");
    for (double step : table.steps)
        if (!positive(step))
            throw input_error("gluoncv_anchor_table: a step is not positive");
}

// All anchors in the order of the head's outputs: levels, rows, columns, then the boxes of a cell, (s, s),
// (s', s') with s' = sqrt(s_k s_k+1), and (s sqrt r, s / sqrt r) for every ratio but the first. maps: one
// feature map a level; image: what clipping clamps to. Double inside, rounded once. Throws input_error for a
// table that check() refuses, another number of maps and more than 2^24 anchors.
inline std::vector<center_box> gluoncv_anchors(const gluoncv_anchor_table& table, const feature_sizes& maps,
                                               spatial_size image) {
    check(table);
    if (maps.size() != table.levels())
        throw input_error("gluoncv_anchors: " + std::to_string(maps.size()) + " maps, expected " +
                          std::to_string(table.levels()));
    constexpr std::size_t most = std::size_t{1} << 24U;
    const auto clamped = [&](double v, std::size_t side) {
        return table.clip ? std::min(std::max(static_cast<float>(v), 0.0F), static_cast<float>(side))
                          : static_cast<float>(v);
    };
    std::vector<center_box> anchors;
    for (std::size_t k = 0; k < table.levels(); ++k) {
        const double size = table.sizes[k], larger = std::sqrt(size * table.sizes[k + 1]);
        if (maps[k].height > most || maps[k].width > most ||
            maps[k].height * maps[k].width * table.boxes_per_cell(k) + anchors.size() > most)
            throw input_error("gluoncv_anchors: more than " + std::to_string(most) + " anchors");
        for (std::size_t cell = 0; cell < maps[k].height * maps[k].width; ++cell) {
            const double cx = (static_cast<double>(cell % maps[k].width) + 0.5) * table.steps[k];
            const double cy = (static_cast<double>(cell / maps[k].width) + 0.5) * table.steps[k];
            const auto push = [&](double width, double height) {
                anchors.push_back({clamped(cx, image.width), clamped(cy, image.height),
                                   clamped(width, image.width), clamped(height, image.height)});
            };
            push(size, size);
            push(larger, larger);
            for (std::size_t r = 1; r < table.ratios[k].size(); ++r)
                push(size * std::sqrt(table.ratios[k][r]), size / std::sqrt(table.ratios[k][r]));
        }
    }
    return anchors;
}

} // namespace fovea
