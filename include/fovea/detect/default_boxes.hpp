// The default boxes (anchors) of an SSD head for one input size, each computed from its index when it is
// needed.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/detect/default_box_table.hpp>
#include <fovea/tensor/view.hpp>

#include <string>
#include <vector>

namespace fovea {

using feature_sizes = fixed_list<spatial_size, max_box_levels>;

// Indices run over levels, rows, columns and then the boxes of a cell, as the rows of the concatenated head
// outputs do. Source: torchvision DefaultBoxGenerator, with its roundings.
class default_boxes {
public:
    constexpr default_boxes() noexcept = default; // no boxes

    // image: size of the network's input; maps: one feature map a level of the table. Throws input_error for
    // a table that check() refuses, for another number of maps and for an empty image.
    constexpr default_boxes(const default_box_table& table, const feature_sizes& maps, spatial_size image)
        : image_(image) {
        check(table);
        if (maps.size() != table.levels())
            throw input_error("default_boxes: needs one feature map size for each level of the table");
        if (!within_limit(image) || image.height == 0 || image.width == 0)
            throw input_error("default_boxes: image sides must be between 1 and 16777216 pixels");
        for (std::size_t k = 0; k < maps.size(); ++k)
            add_level(table, k, maps[k]);
    }

    constexpr std::size_t size() const noexcept { return size_; }
    constexpr spatial_size image() const noexcept { return image_; }

    // Box number `index` < size(), corners in pixels of the network's input; they may leave the image.
    constexpr box operator[](std::size_t index) const noexcept {
        std::size_t k = 0;
        while (k + 1 < levels_.size() && index >= levels_[k + 1].first)
            ++k;
        const level& at = levels_[k];
        const std::size_t cell = (index - at.first) / at.shapes.size();
        const box_shape shape = at.shapes[(index - at.first) % at.shapes.size()];
        const float cx = (static_cast<float>(cell % at.columns) + 0.5F) / at.x_cells;
        const float cy = (static_cast<float>(cell / at.columns) + 0.5F) / at.y_cells;
        const auto width = static_cast<float>(image_.width), height = static_cast<float>(image_.height);
        return {(cx - 0.5F * shape.width) * width, (cy - 0.5F * shape.height) * height,
                (cx + 0.5F * shape.width) * width, (cy + 0.5F * shape.height) * height};
    }

    // Writes all boxes in order. Throws input_error unless out has size() places.
    void write(span<box> out) const {
        if (out.size() != size_)
            throw input_error("default_boxes::write: expected " + std::to_string(size_) + " places, got " +
                              std::to_string(out.size()));
        for (std::size_t i = 0; i < size_; ++i)
            out[i] = (*this)[i];
    }

    std::vector<box> to_vector() const {
        std::vector<box> boxes(size_);
        write(boxes);
        return boxes;
    }

private:
    struct level {
        std::size_t first = 0;          // index of the level's first box
        std::size_t columns = 0;        // of the feature map
        float x_cells = 0, y_cells = 0; // cells that span the image, not always the map's size
        box_shapes shapes;
    };

    // Sides that float counts exactly; the number of boxes then fits 64 bits.
    static constexpr bool within_limit(spatial_size s) noexcept {
        return s.height <= (1U << 24U) && s.width <= (1U << 24U);
    }

    constexpr void add_level(const default_box_table& table, std::size_t k, spatial_size map) {
        if (!within_limit(map))
            throw input_error("default_boxes: a feature map side is above 16777216");
        level next;
        next.first = size_;
        next.columns = map.width;
        const bool stepped = !table.steps.empty();
        const auto cells = [&](std::size_t image_side, std::size_t map_side) {
            return static_cast<float>(stepped ? static_cast<double>(image_side) / table.steps[k]
                                              : static_cast<double>(map_side));
        };
        next.x_cells = cells(image_.width, map.width);
        next.y_cells = cells(image_.height, map.height);
        next.shapes = default_box_shapes(table, k);
        levels_.push_back(next);
        size_ += map.height * map.width * next.shapes.size();
    }

    fixed_list<level, max_box_levels> levels_;
    spatial_size image_;
    std::size_t size_ = 0;
};

} // namespace fovea
