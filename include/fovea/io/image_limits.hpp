// How large a picture a reader may be asked for: the guard against decompression bombs.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include <fovea/error.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea {

// A header that claims more than this is refused before anything is allocated.
struct image_limits {
    std::size_t max_pixels = std::size_t{1} << 26; // 67 million: 201 MB of RGB
};

namespace detail {

// A bitonal PNG of one colour holds 8 x 1032 pixels a byte (deflate's best ratio), more than any sane JPEG; a
// header that claims twice as many is not worth its allocation.
inline constexpr std::size_t max_pixels_per_byte = 16384;

// Throws format_error unless the header's size is usable.
inline image_size checked_image_size(std::size_t width, std::size_t height, std::size_t file_bytes,
                                     std::string_view file, const image_limits& limits) {
    const std::string claim =
        std::string(file) + ": " + std::to_string(width) + "x" + std::to_string(height) + " pixels";
    if (width == 0 || height == 0)
        throw format_error(claim + ", expected at least one");
    if (width > limits.max_pixels / height)
        throw format_error(claim + " are too many, expected at most " + std::to_string(limits.max_pixels));
    if (width * height / max_pixels_per_byte > file_bytes)
        throw format_error(claim + " cannot come out of a file of " + std::to_string(file_bytes) + " bytes");
    return {width, height};
}

} // namespace detail
} // namespace fovea
