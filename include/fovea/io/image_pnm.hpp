// Binary portable pixmaps (P6) and graymaps (P5) to RGB, of any maximum value.
//
// Read here rather than by stb_image, which takes samples below a maximum of 255 as they are and does not
// swap the bytes of 16-bit ones.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/io/byte_cursor.hpp>
#include <fovea/io/image_limits.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea::detail {

inline bool is_pnm_space(unsigned char c) noexcept {
    return c == ' ' || (c >= '\t' && c <= '\r');
}

// A decimal number behind white space and comments, and the one white space that ends it.
inline std::size_t read_pnm_number(byte_cursor& in) {
    unsigned char c = in.little<unsigned char>();
    while (is_pnm_space(c) || c == '#') {
        if (c == '#')
            in.line();
        c = in.little<unsigned char>();
    }
    std::size_t value = 0;
    do {
        if (c < '0' || c > '9' || value > 99'999'999)
            in.fail("bad PNM: expected a number of at most nine digits in the header");
        value = 10 * value + static_cast<std::size_t>(c - '0');
        c = in.little<unsigned char>();
    } while (!is_pnm_space(c));
    return value;
}

inline image read_pnm(byte_span bytes, std::string_view file, const image_limits& limits) {
    byte_cursor in(bytes, file);
    const std::size_t channels = in.text(2) == "P6" ? 3 : 1;
    const std::size_t width = read_pnm_number(in), height = read_pnm_number(in),
                      maximum = read_pnm_number(in);
    if (maximum == 0 || maximum > 65535)
        in.fail("bad PNM: expected a maximum value of 1 to 65535, found " + std::to_string(maximum));
    checked_image_size(width, height, bytes.size(), file, limits);
    const std::size_t sample_bytes = maximum > 255 ? 2 : 1; // big-endian
    const unsigned char* sample = in.take(width * height * channels * sample_bytes).data();
    image picture(width, height);
    for (std::size_t i = 0; i < picture.pixels.size(); i += 3 / channels, sample += sample_bytes) {
        const unsigned raw = sample_bytes == 2 ? 256U * sample[0] + sample[1] : sample[0];
        const double value = std::nearbyint(std::fmin(raw * 255.0 / static_cast<double>(maximum), 255.0));
        for (std::size_t c = 0; c < 3 / channels; ++c)
            picture.pixels[i + c] = static_cast<std::uint8_t>(value);
    }
    return picture;
}

} // namespace fovea::detail
