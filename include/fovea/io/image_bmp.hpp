// Windows bitmaps to RGB: 1, 4 and 8 bits with a palette, 16, 24 and 32 bits with or without masks.
//
// Read here rather than by stb_image, which fills up a truncated file silently and whose functions have
// internal linkage, so that an inline function in a header must not call them.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/io/byte_cursor.hpp>
#include <fovea/io/image_limits.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea::detail {

// One channel of a 16 or 32 bit pixel: the contiguous bits of `mask`, scaled to 0..255.
struct bmp_channel {
    std::uint32_t shift = 0, maximum = 0;

    bmp_channel() = default;
    explicit bmp_channel(std::uint32_t mask) noexcept {
        for (; mask != 0 && (mask & 1U) == 0; mask >>= 1)
            ++shift;
        maximum = mask;
    }
    bool contiguous() const noexcept { return (maximum & (maximum + 1)) == 0; }
    std::uint8_t of(std::uint32_t pixel) const noexcept {
        const std::uint64_t value = (pixel >> shift) & maximum;
        return maximum == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(value * 255 / maximum);
    }
};

struct bmp_header {
    std::size_t width = 0, height = 0, pixels_at = 0;
    bool top_down = false;
    unsigned bits = 0;
    std::array<bmp_channel, 3> channels{};                  // 16 and 32 bits: red, green, blue
    std::array<std::array<std::uint8_t, 3>, 256> palette{}; // 1, 4 and 8 bits; missing entries are black

    std::size_t row_bytes() const noexcept { return (width * bits + 7) / 8; }
    std::size_t stride() const noexcept { return (row_bytes() + 3) / 4 * 4; }
};

// Width, height and bits of either kind of information header; the cursor stands behind its size field.
inline void read_bmp_size(byte_cursor& in, bool core, bmp_header& header) {
    if (core) {
        header.width = in.little<std::uint16_t>();
        header.height = in.little<std::uint16_t>();
    } else {
        const std::int64_t width = in.little<std::int32_t>(), height = in.little<std::int32_t>();
        header.width = static_cast<std::size_t>(width < 0 ? 0 : width);
        header.height = static_cast<std::size_t>(height < 0 ? -height : height);
        header.top_down = height < 0;
    }
    in.little<std::uint16_t>(); // planes
    header.bits = in.little<std::uint16_t>();
    constexpr std::array<unsigned, 6> known{1, 4, 8, 16, 24, 32};
    if (std::find(known.begin(), known.end(), header.bits) == known.end())
        in.fail("BMP of " + std::to_string(header.bits) + " bits a pixel, expected 1, 4, 8, 16, 24 or 32");
}

inline void read_bmp_masks(byte_cursor& in, bool given, bmp_header& header) {
    std::array<std::uint32_t, 3> masks{0xff0000, 0xff00, 0xff};
    if (header.bits == 16)
        masks = {0x7c00, 0x3e0, 0x1f};
    if (given)
        for (std::uint32_t& mask : masks)
            mask = in.little<std::uint32_t>();
    for (std::size_t c = 0; c < 3; ++c) {
        header.channels[c] = bmp_channel(masks[c]);
        if (!header.channels[c].contiguous())
            in.fail("BMP with a colour mask of separate bits");
    }
}

inline bmp_header read_bmp_header(byte_cursor& in) {
    bmp_header header;
    in.seek(10);
    header.pixels_at = in.little<std::uint32_t>();
    const std::uint32_t info_bytes = in.little<std::uint32_t>();
    const bool core = info_bytes == 12; // OS/2
    if (!core && (info_bytes < 40 || info_bytes > 124))
        in.fail("BMP with an unknown header of " + std::to_string(info_bytes) + " bytes");
    read_bmp_size(in, core, header);
    const std::uint32_t compression = core ? 0 : in.little<std::uint32_t>();
    const bool masks = compression == 3 || compression == 6; // BI_BITFIELDS, BI_ALPHABITFIELDS
    if (compression != 0 && !(masks && (header.bits == 16 || header.bits == 32)))
        in.fail("BMP with compression " + std::to_string(compression) + ", expected none");
    std::uint32_t colours = 0;
    if (!core) {
        in.take(12); // image bytes and resolution
        colours = in.little<std::uint32_t>();
        in.little<std::uint32_t>(); // important colours
    }
    read_bmp_masks(in, masks, header); // behind the first 40 bytes, inside or after the header
    if (header.bits > 8)
        return header;
    in.seek(14 + info_bytes);
    const std::uint32_t all = 1U << header.bits, count = colours == 0 || colours > all ? all : colours;
    for (std::uint32_t i = 0; i < count; ++i) {
        const byte_span bgr = in.take(core ? 3 : 4);
        header.palette[i] = {bgr[2], bgr[1], bgr[0]};
    }
    return header;
}

inline void read_bmp_row(const bmp_header& header, const unsigned char* row, std::uint8_t* rgb) noexcept {
    const unsigned bits = header.bits;
    for (std::size_t x = 0; x < header.width; ++x, rgb += 3) {
        if (bits <= 8) {
            const std::size_t bit = x * bits;
            const unsigned index = (row[bit / 8] >> (8 - bits - bit % 8)) & ((1U << bits) - 1U);
            std::copy(header.palette[index].begin(), header.palette[index].end(), rgb);
        } else if (bits == 24) {
            std::reverse_copy(row + 3 * x, row + 3 * x + 3, rgb);
        } else {
            const std::uint32_t pixel = bits == 16 ? load_little<std::uint16_t>(row + 2 * x)
                                                   : load_little<std::uint32_t>(row + 4 * x);
            for (std::size_t c = 0; c < 3; ++c)
                rgb[c] = header.channels[c].of(pixel);
        }
    }
}

inline image read_bmp(byte_span bytes, std::string_view file, const image_limits& limits) {
    byte_cursor in(bytes, file);
    const bmp_header header = read_bmp_header(in);
    const image_size size = checked_image_size(header.width, header.height, bytes.size(), file, limits);
    in.seek(header.pixels_at);
    const byte_span pixels =
        in.take(header.stride() * (size.height - 1) + header.row_bytes()); // last row unpadded
    image picture(size.width, size.height);
    for (std::size_t y = 0; y < size.height; ++y)
        read_bmp_row(header, pixels.data() + header.stride() * y,
                     picture.row(header.top_down ? y : size.height - 1 - y));
    return picture;
}

} // namespace fovea::detail
