// PNG to RGB and back through libpng.
#pragma once

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <png.h>

#include <fovea/error.hpp>
#include <fovea/io/byte_cursor.hpp>
#include <fovea/io/image_limits.hpp>
#include <fovea/io/image_orientation.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea::detail {

// As with libjpeg: functions that libpng may leave by a jump own nothing.
class png_decoder {
public:
    explicit png_decoder(byte_span file) noexcept : rest_(file) {
        png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, on_error, on_warning);
        info_ = png_ != nullptr ? png_create_info_struct(png_) : nullptr;
    }
    ~png_decoder() { png_destroy_read_struct(&png_, &info_, nullptr); }
    png_decoder(const png_decoder&) = delete;
    png_decoder& operator=(const png_decoder&) = delete;

    std::size_t width() const noexcept { return png_get_image_width(png_, info_); }
    std::size_t height() const noexcept { return png_get_image_height(png_, info_); }
    const char* message() const noexcept { return message_; }

    bool read_header() noexcept {
        if (info_ == nullptr) {
            std::snprintf(message_, sizeof message_, "libpng cannot start");
            return false;
        }
        if (setjmp(png_jmpbuf(png_)) != 0)
            return false;
        png_set_user_limits(png_, PNG_UINT_31_MAX, PNG_UINT_31_MAX); // the caller bounds the product
        png_set_read_fn(png_, this, on_read);
        png_read_info(png_, info_);
        return true;
    }
    // RGB rows into width * height * 3 bytes.
    bool read_pixels(std::uint8_t* pixels) noexcept {
        if (setjmp(png_jmpbuf(png_)) != 0)
            return false;
        ask_for_rgb();
        const int passes = png_set_interlace_handling(png_);
        png_read_update_info(png_, info_);
        if (png_get_rowbytes(png_, info_) != 3 * width())
            png_error(png_, "unexpected row size");
        for (int pass = 0; pass < passes; ++pass)
            for (std::size_t y = 0; y < height(); ++y)
                png_read_row(png_, pixels + 3 * width() * y, nullptr);
        png_read_end(png_, info_);
        return true;
    }

    // The orientation in the eXIf chunk, which lacks the header that EXIF has in a JPEG.
    int orientation() const {
        png_uint_32 size = 0;
        png_bytep data = nullptr;
        if (png_get_eXIf_1(png_, info_, &size, &data) == 0 || data == nullptr)
            return 1;
        std::vector<unsigned char> exif{'E', 'x', 'i', 'f', 0, 0};
        exif.insert(exif.end(), data, data + size);
        return exif_orientation(byte_span(exif.data(), exif.size()));
    }

private:
    // Palette and gray to RGB, the high byte of 16 bits; transparency is dropped and gamma left alone, as by
    // Pillow.
    void ask_for_rgb() noexcept {
        const int colour = png_get_color_type(png_, info_);
        if (colour == PNG_COLOR_TYPE_PALETTE)
            png_set_palette_to_rgb(png_);
        else if (png_get_bit_depth(png_, info_) < 8)
            png_set_expand_gray_1_2_4_to_8(png_);
        png_set_strip_16(png_);
        png_set_gray_to_rgb(png_);
        png_set_strip_alpha(png_);
    }

    static png_decoder& self(png_structp png) noexcept {
        return *static_cast<png_decoder*>(png_get_error_ptr(png));
    }

    static void on_error(png_structp png, png_const_charp message) noexcept {
        std::snprintf(self(png).message_, sizeof message_, "%s", message);
        png_longjmp(png, 1);
    }
    static void on_warning(png_structp, png_const_charp) noexcept {}
    static void on_read(png_structp png, png_bytep out, std::size_t count) noexcept {
        byte_span& rest = self(png).rest_;
        if (count > rest.size())
            png_error(png, "the file ends too early");
        std::copy_n(rest.data(), count, out);
        rest = rest.subspan(count, rest.size() - count);
    }

    png_structp png_ = nullptr;
    png_infop info_ = nullptr;
    byte_span rest_;
    char message_[128] = "";
};

inline image read_png(byte_span bytes, std::string_view file, const image_limits& limits) {
    const auto check = [&](bool good, const png_decoder& decoder) {
        if (!good)
            throw format_error(std::string(file) + ": bad PNG: " + decoder.message());
    };
    png_decoder decoder(bytes);
    check(decoder.read_header(), decoder);
    const image_size size = checked_image_size(decoder.width(), decoder.height(), bytes.size(), file, limits);
    image picture(size.width, size.height);
    check(decoder.read_pixels(picture.pixels.data()), decoder);
    return oriented(std::move(picture), decoder.orientation());
}

// libpng's one-call writer, which keeps its jumps to itself.
inline void write_png(const std::string& path, image_view picture) {
    constexpr std::size_t largest_side = 0x7fffffff;
    if (picture.width > largest_side / 3 || picture.height > largest_side || picture.stride > largest_side)
        throw input_error(path + ": the picture is too large for a PNG");
    png_image out{};
    out.version = PNG_IMAGE_VERSION;
    out.width = static_cast<png_uint_32>(picture.width);
    out.height = static_cast<png_uint_32>(picture.height);
    out.format = PNG_FORMAT_RGB;
    if (png_image_write_to_file(&out, path.c_str(), 0, picture.pixels,
                                static_cast<png_int_32>(picture.stride), nullptr) == 0)
        throw io_error(path + ": cannot be written: " + out.message);
}

} // namespace fovea::detail
