// JPEG to RGB through libjpeg-turbo, with the pixels that Pillow gets: accurate DCT, smooth chroma
// upsampling.
#pragma once

#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio> // jpeglib.h needs FILE and size_t
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <jerror.h>
#include <jpeglib.h>

#include <fovea/error.hpp>
#include <fovea/io/byte_cursor.hpp>
#include <fovea/io/image_limits.hpp>
#include <fovea/io/image_orientation.hpp>
#include <fovea/preprocess/image.hpp>

namespace fovea::detail {

// libjpeg reports errors by a call that must not return. Every member function that can get there sets the
// jump's target itself and owns nothing, so that a jump never passes a destructor.
class jpeg_decoder {
public:
    jpeg_decoder() noexcept {
        info_.err = jpeg_std_error(&errors_);
        info_.client_data = this;
        errors_.error_exit = on_error;
        errors_.emit_message = on_message;
        progress_.progress_monitor = on_progress;
    }
    ~jpeg_decoder() { jpeg_destroy_decompress(&info_); }
    jpeg_decoder(const jpeg_decoder&) = delete;
    jpeg_decoder& operator=(const jpeg_decoder&) = delete;

    std::size_t width() const noexcept { return info_.image_width; }
    std::size_t height() const noexcept { return info_.image_height; }
    bool is_cmyk() const noexcept { return info_.num_components == 4; }
    const char* message() const noexcept { return message_; }

    // These return false, with a message, when libjpeg gives up.
    bool read_header(byte_span file) noexcept {
        if (setjmp(jump_) != 0)
            return false;
        jpeg_create_decompress(&info_);
        info_.progress = &progress_;
        jpeg_mem_src(&info_, file.data(), file.size());
        jpeg_save_markers(&info_, JPEG_APP0 + 1, 0xffff);
        jpeg_read_header(&info_, TRUE);
        info_.out_color_space = is_cmyk() ? JCS_CMYK : JCS_RGB;
        return true;
    }
    // RGB rows into width * height * 3 bytes. cmyk_row: 4 * width bytes for a CMYK picture.
    bool read_pixels(std::uint8_t* pixels, std::uint8_t* cmyk_row) noexcept {
        if (setjmp(jump_) != 0)
            return false;
        jpeg_start_decompress(&info_);
        while (info_.output_scanline < info_.output_height) {
            std::uint8_t* rgb = pixels + 3 * width() * info_.output_scanline;
            JSAMPROW row = is_cmyk() ? cmyk_row : rgb;
            if (jpeg_read_scanlines(&info_, &row, 1) == 1 && is_cmyk())
                cmyk_to_rgb(cmyk_row, rgb);
        }
        jpeg_finish_decompress(&info_);
        return true;
    }

    // The orientation in the first EXIF block, 1 when there is none.
    int orientation() const {
        constexpr std::string_view exif("Exif\0\0", 6);
        for (jpeg_saved_marker_ptr marker = info_.marker_list; marker != nullptr; marker = marker->next) {
            const byte_span data(marker->data, marker->data_length);
            if (as_text(data).substr(0, exif.size()) == exif)
                return exif_orientation(data);
        }
        return 1;
    }

private:
    // The end of the file is padded by libjpeg and only warned about; other warnings leave a complete
    // picture.
    static constexpr int warning = -1;
    // A file of many tiny scans, each over the whole picture, would take hours.
    static constexpr int max_scans = 500;

    static jpeg_decoder& self(j_common_ptr info) noexcept {
        return *static_cast<jpeg_decoder*>(info->client_data);
    }

    static void on_error(j_common_ptr info) noexcept {
        info->err->format_message(info, self(info).message_);
        std::longjmp(self(info).jump_, 1);
    }
    static void on_message(j_common_ptr info, int level) noexcept {
        if (level == warning && info->err->msg_code == JWRN_JPEG_EOF)
            on_error(info);
    }
    static void on_progress(j_common_ptr info) noexcept {
        jpeg_decoder& decoder = self(info);
        if (info->is_decompressor == FALSE || decoder.info_.input_scan_number <= max_scans)
            return;
        std::snprintf(decoder.message_, sizeof decoder.message_, "more than %d scans", max_scans);
        std::longjmp(decoder.jump_, 1);
    }

    // Adobe's inverted CMYK, which is what every CMYK JPEG is taken for (Pillow, JpegImagePlugin.py). Ink of
    // 255 is none; black times colour is rounded to the nearest.
    void cmyk_to_rgb(const std::uint8_t* cmyk, std::uint8_t* rgb) const noexcept {
        for (std::size_t x = 0; x < width(); ++x, cmyk += 4, rgb += 3)
            for (std::size_t c = 0; c < 3; ++c) {
                const unsigned light = cmyk[3], product = (255U - cmyk[c]) * light + 128U;
                rgb[c] = static_cast<std::uint8_t>(light - ((product + (product >> 8)) >> 8));
            }
    }

    jpeg_decompress_struct info_{};
    jpeg_error_mgr errors_{};
    jpeg_progress_mgr progress_{};
    std::jmp_buf jump_{};
    char message_[JMSG_LENGTH_MAX] = "";
};

inline image read_jpeg(byte_span bytes, std::string_view file, const image_limits& limits) {
    const auto check = [&](bool good, const jpeg_decoder& decoder) {
        if (!good)
            throw format_error(std::string(file) + ": bad JPEG: " + decoder.message());
    };
    jpeg_decoder decoder;
    check(decoder.read_header(bytes), decoder);
    const image_size size = checked_image_size(decoder.width(), decoder.height(), bytes.size(), file, limits);
    const int orientation = decoder.orientation(); // finishing frees the markers
    image picture(size.width, size.height);
    std::vector<std::uint8_t> cmyk_row(decoder.is_cmyk() ? 4 * size.width : 0);
    check(decoder.read_pixels(picture.pixels.data(), cmyk_row.data()), decoder);
    return oriented(std::move(picture), orientation);
}

} // namespace fovea::detail
