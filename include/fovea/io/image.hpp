// Photos in and out: the only header that needs libjpeg, libpng and libexif (CMake target fovea::image).
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>

#include <fovea/error.hpp>
#include <fovea/io/byte_cursor.hpp>
#include <fovea/io/file.hpp>
#include <fovea/io/image_bmp.hpp>
#include <fovea/io/image_jpeg.hpp>
#include <fovea/io/image_limits.hpp>
#include <fovea/io/image_png.hpp>
#include <fovea/io/image_pnm.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea {

// Decodes JPEG, PNG, BMP or binary PNM (P5, P6) bytes to upright 8-bit RGB with the pixels of Pillow's
// ImageOps.exif_transpose(Image.open(file)).convert("RGB"). `file` names the bytes in errors.
// Throws format_error for anything else: another format, damaged or truncated data, more pixels than the
// limit.
inline image read_image(byte_span bytes, std::string_view file = "image", const image_limits& limits = {}) {
    using namespace std::string_view_literals;
    const std::string_view text = detail::as_text(bytes);
    const auto begins = [text](std::string_view magic) { return text.substr(0, magic.size()) == magic; };
    if (begins("\xff\xd8\xff"sv))
        return detail::read_jpeg(bytes, file, limits);
    if (begins("\x89PNG\r\n\x1a\n"sv))
        return detail::read_png(bytes, file, limits);
    if (begins("BM"sv))
        return detail::read_bmp(bytes, file, limits);
    if (begins("P5"sv) || begins("P6"sv))
        return detail::read_pnm(bytes, file, limits);
    throw format_error(std::string(file) +
                       ": expected a JPEG, PNG, BMP or binary PNM (P5, P6) picture, found none of them");
}

// The same from a file. Throws io_error when it cannot be read.
inline image read_image(const std::filesystem::path& path, const image_limits& limits = {}) {
    const file_bytes bytes = read_file(path);
    return read_image(byte_span(bytes.data(), bytes.size()), path.string(), limits);
}

// An 8-bit RGB PNG. Throws input_error for an empty picture, io_error when the file cannot be written.
inline void write_png(const std::filesystem::path& path, image_view picture) {
    if (picture.pixels == nullptr || picture.width == 0 || picture.height == 0)
        throw input_error(path.string() + ": expected a picture of at least one pixel to write");
    detail::write_png(path.string(), picture);
}

} // namespace fovea
