// Pixels in memory: what the readers of io/image.hpp return and what preprocessing takes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

// Width and height in pixels.
struct image_size {
    std::size_t width = 0, height = 0;

    friend constexpr bool operator==(image_size a, image_size b) noexcept {
        return a.width == b.width && a.height == b.height;
    }
    friend constexpr bool operator!=(image_size a, image_size b) noexcept { return !(a == b); }
};

// Someone else's pixels: 8-bit RGB, rows of interleaved pixels from top to bottom, `stride` bytes apart.
struct image_view {
    const std::uint8_t* pixels = nullptr;
    std::size_t width = 0, height = 0, stride = 0;

    constexpr image_view() noexcept = default;
    constexpr image_view(const std::uint8_t* rgb, std::size_t w, std::size_t h) noexcept
        : image_view(rgb, w, h, 3 * w) {}
    constexpr image_view(const std::uint8_t* rgb, std::size_t w, std::size_t h,
                         std::size_t row_bytes) noexcept
        : pixels(rgb), width(w), height(h), stride(row_bytes) {}

    constexpr image_size size() const noexcept { return {width, height}; }
    constexpr const std::uint8_t* row(std::size_t y) const noexcept { return pixels + y * stride; }
};

// An 8-bit RGB picture that owns its pixels, (height, width, 3) without gaps.
struct image {
    std::size_t width = 0, height = 0;
    std::vector<std::uint8_t> pixels;

    image() = default;
    image(std::size_t w, std::size_t h) : width(w), height(h), pixels(3 * w * h) {}

    image_size size() const noexcept { return {width, height}; }
    std::uint8_t* row(std::size_t y) noexcept { return pixels.data() + 3 * width * y; }
    const std::uint8_t* row(std::size_t y) const noexcept { return pixels.data() + 3 * width * y; }
    operator image_view() const noexcept { return {pixels.data(), width, height}; }
};

} // namespace fovea
