// EfficientDet's anchors: scales, ratios and pyramid levels as data, and the box of an index, which decoders
// compute instead of keeping it.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/detect/fixed_list.hpp>
#include <fovea/error.hpp>
#include <fovea/math/sqrt.hpp>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

inline constexpr std::size_t max_anchor_levels = 8;
inline constexpr std::size_t max_anchor_scales = 4;
inline constexpr std::size_t max_anchor_ratios = 8;

// Width and height of an anchor of one area, as factors of its side.
struct anchor_ratio {
    double width = 1, height = 1;
};

// Settings of zylo117's Anchors (efficientdet/utils.py) and effdet's (anchors.py): one table a detector.
struct efficientdet_anchor_table {
    fixed_list<double, max_anchor_scales> scales{1, 1.2599210498948732, 1.5874010519681994}; // 2^(k/3)
    fixed_list<anchor_ratio, max_anchor_ratios> ratios{{1, 1}, {1.4, 0.7}, {0.7, 1.4}};
    int min_level = 3, max_level = 7; // a level's cells are 2^level pixels wide
    double anchor_scale = 4;          // side of the first anchor in cells

    constexpr std::size_t levels() const noexcept {
        return static_cast<std::size_t>(max_level - min_level + 1);
    }
    constexpr std::size_t boxes_per_cell() const noexcept { return scales.size() * ratios.size(); }
};

// The shape of width over height r as google/automl has it: sqrt r by 1 / sqrt r.
constexpr anchor_ratio root_ratio(double r) noexcept {
    const double width = constexpr_sqrt(r);
    return {width, 1 / width};
}

// D0 to D6 of both ports, D7 (anchors of 5 cells), D7x (a level more), and google/automl's ratios.
inline constexpr efficientdet_anchor_table efficientdet_d0_anchors{};
inline constexpr efficientdet_anchor_table efficientdet_d7_anchors{efficientdet_d0_anchors.scales,
                                                                   efficientdet_d0_anchors.ratios, 3, 7, 5};
inline constexpr efficientdet_anchor_table efficientdet_d7x_anchors{efficientdet_d0_anchors.scales,
                                                                    efficientdet_d0_anchors.ratios, 3, 8, 4};
inline constexpr efficientdet_anchor_table efficientdet_official_anchors{
    efficientdet_d0_anchors.scales, {root_ratio(1), root_ratio(2), root_ratio(0.5)}, 3, 7, 4};

// Throws input_error (at compile time: fails to compile) for levels outside 0 .. 16 or in the wrong order,
// too many of them, and empty lists or numbers that are not positive.
constexpr void check(const efficientdet_anchor_table& table) {
    const auto positive = [](double v) { return v > 0 && v <= 1e6; };
    if (table.min_level < 0 || table.max_level > 16 || table.min_level > table.max_level ||
        table.levels() > max_anchor_levels)
        throw input_error(
            "efficientdet_anchor_table: expected 1 to 8 levels inside 0 .. 16, from low to high");
    if (table.scales.empty() || table.ratios.empty())
        throw input_error("efficientdet_anchor_table: needs a scale and a ratio at least");
    for (double scale : table.scales)
        if (!positive(scale))
            throw input_error("efficientdet_anchor_table: a scale is not positive");
    for (const anchor_ratio& ratio : table.ratios)
        if (!positive(ratio.width) || !positive(ratio.height))
            throw input_error("efficientdet_anchor_table: a ratio is not positive");
    if (!positive(table.anchor_scale))
        throw input_error("efficientdet_anchor_table: anchor_scale is not positive");
}

// The anchors of an image, in the order of the heads' rows: levels from fine to coarse, rows, columns, then
// scales and, inside them, ratios. Corners are doubles rounded once, as both ports have them.
class efficientdet_anchors {
public:
    // Throws input_error for a table that check() refuses, sides that are no multiple of the coarsest level's
    // cell, and more than 2^24 anchors.
    constexpr efficientdet_anchors(const efficientdet_anchor_table& table, spatial_size image)
        : image_(image), per_cell_(table.boxes_per_cell()) {
        check(table);
        constexpr std::size_t most = std::size_t{1} << 24U;
        const std::size_t coarsest = std::size_t{1} << static_cast<unsigned>(table.max_level);
        if (image.height == 0 || image.width == 0 || image.height % coarsest != 0 ||
            image.width % coarsest != 0)
            throw input_error("efficientdet_anchors: expected sides that are multiples of " +
                              std::to_string(coarsest) + " pixels, got " + std::to_string(image.width) + "x" +
                              std::to_string(image.height));
        if (image.height > most || image.width > most)
            throw input_error("efficientdet_anchors: an image of more than 2^24 pixels a side");
        for (const double scale : table.scales)
            for (const anchor_ratio& ratio : table.ratios)
                sides_.push_back({table.anchor_scale, scale, ratio});
        for (int l = table.min_level; l <= table.max_level; ++l) {
            const std::size_t stride = std::size_t{1} << static_cast<unsigned>(l);
            levels_.push_back({size_, image.width / stride, static_cast<double>(stride)});
            size_ += (image.height / stride) * (image.width / stride) * per_cell_;
            if (size_ > most)
                throw input_error("efficientdet_anchors: more than 2^24 anchors");
        }
    }

    constexpr std::size_t size() const noexcept { return size_; }
    constexpr spatial_size image() const noexcept { return image_; }

    // Corners in pixels of the network's input. index < size().
    constexpr box operator[](std::size_t index) const noexcept {
        std::size_t l = levels_.size() - 1;
        while (index < levels_[l].first)
            --l;
        const level& at = levels_[l];
        const std::size_t cell = (index - at.first) / per_cell_;
        const side& s = sides_[(index - at.first) % per_cell_];
        const double base = s.anchor_scale * at.stride * s.scale;
        const double half_width = base * s.ratio.width / 2, half_height = base * s.ratio.height / 2;
        const double cx = at.stride / 2 + static_cast<double>(cell % at.columns) * at.stride;
        const double cy = at.stride / 2 + static_cast<double>(cell / at.columns) * at.stride;
        return {static_cast<float>(cx - half_width), static_cast<float>(cy - half_height),
                static_cast<float>(cx + half_width), static_cast<float>(cy + half_height)};
    }

    // All of them, for matchers and losses.
    std::vector<box> to_vector() const {
        std::vector<box> boxes;
        boxes.reserve(size_);
        for (std::size_t i = 0; i < size_; ++i)
            boxes.push_back((*this)[i]);
        return boxes;
    }

private:
    struct level {
        std::size_t first = 0, columns = 0; // index of its first anchor; cells in a row
        double stride = 0;                  // pixels
    };
    struct side {
        double anchor_scale = 0, scale = 0;
        anchor_ratio ratio{};
    };

    fixed_list<level, max_anchor_levels> levels_;
    fixed_list<side, max_anchor_scales * max_anchor_ratios> sides_; // of a cell's anchors
    spatial_size image_;
    std::size_t per_cell_ = 0, size_ = 0;
};

} // namespace fovea
