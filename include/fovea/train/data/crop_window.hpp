// Rectangles of a photo, or reaching beyond it, and the boxes and pixels inside: crops and zooms of
// augmentation.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

using rgb_color = std::array<std::uint8_t, 3>;

// The objects of a training image while it is augmented, one label a box.
struct training_objects {
    std::vector<box> boxes;
    std::vector<int> labels;
};

// Whole pixels; what lies outside the photo is filled with a color.
struct crop_window {
    std::ptrdiff_t left = 0, top = 0;
    std::size_t width = 0, height = 0;

    friend constexpr bool operator==(crop_window a, crop_window b) noexcept {
        return a.left == b.left && a.top == b.top && a.width == b.width && a.height == b.height;
    }
};

constexpr crop_window whole(image_size photo) noexcept {
    return {0, 0, photo.width, photo.height};
}

// Whether a window shows nothing but photo.
constexpr bool is_inside(crop_window w, image_size photo) noexcept {
    return w.left >= 0 && w.top >= 0 && static_cast<std::size_t>(w.left) + w.width <= photo.width &&
           static_cast<std::size_t>(w.top) + w.height <= photo.height;
}

// The window as a box of the pixels that it is cut from.
constexpr box as_box(crop_window w) noexcept {
    const auto left = static_cast<float>(w.left), top = static_cast<float>(w.top);
    return {left, top, left + static_cast<float>(w.width), top + static_cast<float>(w.height)};
}

// Whether a box's centre lies strictly inside (torchvision's RandomIoUCrop).
constexpr bool holds_center(const box& window, const box& b) noexcept {
    const float x = 0.5F * (b.x1 + b.x2), y = 0.5F * (b.y1 + b.y2);
    return window.x1 < x && x < window.x2 && window.y1 < y && y < window.y2;
}

// Keeps the boxes whose centres are inside, clips them to the window and moves the origin to its corner.
inline void crop_boxes(crop_window w, training_objects& objects) {
    const box window = as_box(w);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < objects.boxes.size(); ++i) {
        const box& b = objects.boxes[i];
        if (!holds_center(window, b))
            continue;
        objects.boxes[kept] = clip({b.x1 - window.x1, b.y1 - window.y1, b.x2 - window.x1, b.y2 - window.y1},
                                   {w.height, w.width});
        objects.labels[kept++] = objects.labels[i];
    }
    objects.boxes.resize(kept);
    objects.labels.resize(kept);
}

// Moves the origin of all boxes to the window's corner: for windows around the photo.
inline void shift_boxes(crop_window w, span<box> boxes) noexcept {
    const box window = as_box(w);
    for (box& b : boxes)
        b = {b.x1 - window.x1, b.y1 - window.y1, b.x2 - window.x1, b.y2 - window.y1};
}

inline void flip_boxes_horizontally(float width, span<box> boxes) noexcept {
    for (box& b : boxes)
        b = {width - b.x2, b.y1, width - b.x1, b.y2};
}

inline void flip_boxes_vertically(float height, span<box> boxes) noexcept {
    for (box& b : boxes)
        b = {b.x1, height - b.y2, b.x2, height - b.y1};
}

// The pixels of a window (torchvision's functional.crop and pad): a part of the photo itself when the window
// is inside it, else a copy in `scratch`.
inline image_view cut(image_view photo, crop_window w, rgb_color fill, image& scratch) {
    if (is_inside(w, photo.size()))
        return {photo.row(static_cast<std::size_t>(w.top)) + 3 * w.left, w.width, w.height, photo.stride};
    scratch.width = w.width;
    scratch.height = w.height;
    scratch.pixels.resize(3 * w.width * w.height);
    const auto clamped = [](std::ptrdiff_t v, std::size_t most) {
        return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(v, 0, static_cast<std::ptrdiff_t>(most)));
    };
    // The photo's part in the window's coordinates.
    const auto photo_width = static_cast<std::ptrdiff_t>(photo.width),
               photo_height = static_cast<std::ptrdiff_t>(photo.height);
    const std::size_t x0 = clamped(-w.left, w.width), x1 = clamped(photo_width - w.left, w.width);
    const std::size_t y0 = clamped(-w.top, w.height), y1 = clamped(photo_height - w.top, w.height);
    const auto paint = [fill](std::uint8_t* begin, std::uint8_t* end) {
        for (; begin != end; begin += 3)
            std::copy(fill.begin(), fill.end(), begin);
    };
    for (std::size_t y = 0; y < w.height; ++y) {
        std::uint8_t* const row = scratch.row(y);
        if (y < y0 || y >= y1 || x0 >= x1) {
            paint(row, row + 3 * w.width);
            continue;
        }
        paint(row, row + 3 * x0);
        const std::uint8_t* const source =
            photo.row(static_cast<std::size_t>(w.top + static_cast<std::ptrdiff_t>(y))) +
            3 * (w.left + static_cast<std::ptrdiff_t>(x0));
        std::copy(source, source + 3 * (x1 - x0), row + 3 * x0);
        paint(row + 3 * x1, row + 3 * w.width);
    }
    return scratch;
}

// Mirrors rows of `width` pixels of three channels, in place.
template <class T>
void flip_pixels_horizontally(T* pixels, std::size_t width, std::size_t height) noexcept {
    for (std::size_t y = 0; y < height; ++y, pixels += 3 * width)
        for (std::size_t left = 0, right = width; left + 1 < right; ++left) {
            --right;
            std::swap_ranges(pixels + 3 * left, pixels + 3 * left + 3, pixels + 3 * right);
        }
}

// Puts the rows into the opposite order.
template <class T>
void flip_pixels_vertically(T* pixels, std::size_t width, std::size_t height) noexcept {
    for (std::size_t top = 0, bottom = height; top + 1 < bottom; ++top) {
        --bottom;
        std::swap_ranges(pixels + 3 * width * top, pixels + 3 * width * (top + 1),
                         pixels + 3 * width * bottom);
    }
}

} // namespace fovea
