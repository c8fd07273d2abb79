// Memory that preprocessing reuses from photo to photo.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <fovea/preprocess/taps.hpp>

namespace fovea {

// The source pixels of one output of Pillow's resampling: `count` of them from `first`, weights from
// `offset`.
struct pillow_window {
    std::size_t first = 0, count = 0, offset = 0;
};

// An output pixel between two neighbours: where the left one begins in a row of floats, and the weight of the
// right one.
struct pixel_column {
    std::size_t left = 0;
    float weight = 0;
};

// Scratch memory of apply(): grows to what the largest photo needed, after which nothing is allocated.
// One a thread.
struct preprocess_workspace {
    column_tables columns;                           // horizontal taps
    std::vector<pixel_column> pixel_columns;         // the same for neighbours
    std::vector<float> rows;                         // vertically blended rows
    std::vector<pillow_window> windows_x, windows_y; // Pillow's tables
    std::vector<std::int32_t> weights_x, weights_y;  // 22-bit fixed point
    std::vector<std::uint8_t> bytes;                 // 8-bit rows: picked, or between Pillow's two passes
};

} // namespace fovea
