// 8-bit RGB to normalised, bilinearly resized floats in one pass: the way into every detector.
//
// Normalising is affine and bilinear weights sum to one, so resizing first and normalising while the resized
// row is written gives torchvision's normalise-then-resize up to rounding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include <fovea/arch.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/normalize.hpp>
#include <fovea/preprocess/workspace.hpp>
#include <fovea/tensor/view.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace resampling {

using four_floats = xsimd::make_sized_batch_t<float, 4>;
using four_ints = xsimd::make_sized_batch_t<std::int32_t, 4>;

// The three bytes of a pixel (and one behind it, which is ignored) as floats r, 2^8 g, 2^16 b: masks in place
// are cheaper than shifts, and powers of two cost no precision.
inline four_floats load_pixel(const std::uint8_t* pixel) noexcept {
    std::int32_t word;
    std::memcpy(&word, pixel, sizeof word);
    return xsimd::to_float(four_ints(word) & four_ints{0xff, 0xff00, 0xff0000, 0});
}

// One source row to columns.size() normalised pixels. The first `wide` columns may read and write a fourth
// lane.
inline void resize_row(const std::uint8_t* row, span<const axis_taps<2>> columns, std::size_t wide,
                       const detail::affine& normal, float* out) noexcept {
    const four_floats scale{normal.scale[0], normal.scale[1] / 256.0F, normal.scale[2] / 65536.0F, 0.0F};
    const auto shift = four_floats::load_unaligned(normal.shift.data());
    for (std::size_t x = 0; x < wide; ++x) {
        const axis_taps<2>& t = columns[x];
        const four_floats value =
            load_pixel(row + 3 * t.index[0]) * t.weight[0] + load_pixel(row + 3 * t.index[1]) * t.weight[1];
        (value * scale + shift).store_unaligned(out + 3 * x);
    }
    for (std::size_t x = wide; x < columns.size(); ++x)
        for (std::size_t c = 0; c < 3; ++c) {
            const axis_taps<2>& t = columns[x];
            const float value = static_cast<float>(row[3 * t.index[0] + c]) * t.weight[0] +
                                static_cast<float>(row[3 * t.index[1] + c]) * t.weight[1];
            out[3 * x + c] = value * normal.scale[c] + normal.shift[c];
        }
}

// out = top * (1 - lambda) + bottom * lambda over n floats.
inline void blend_rows(const float* top, const float* bottom, const axis_taps<2>& t, float* out,
                       std::size_t n) noexcept {
    using batch = xsimd::batch<float, simd_arch>;
    const batch w0(t.weight[0]), w1(t.weight[1]);
    std::size_t i = 0;
    for (; i + batch::size <= n; i += batch::size)
        (batch::load_unaligned(top + i) * w0 + batch::load_unaligned(bottom + i) * w1)
            .store_unaligned(out + i);
    for (; i < n; ++i)
        out[i] = top[i] * t.weight[0] + bottom[i] * t.weight[1];
}

// Two horizontally resized source rows, kept while consecutive output rows need them.
class row_cache {
public:
    row_cache(image_view photo, span<const axis_taps<2>> columns, const detail::affine& normal,
              std::vector<float>& memory)
        : photo_(photo), columns_(columns), normal_(normal), wide_(columns.size()) {
        // Columns at the right border would read a byte behind the row.
        while (wide_ > 0 && columns[wide_ - 1].index[1] + 1 >= photo.width)
            --wide_;
        const std::size_t length = 3 * columns.size() + 1; // one float more for the last pixel's fourth lane
        memory.resize(2 * length);
        slots_[0].data = memory.data();
        slots_[1].data = memory.data() + length;
    }

    // Source rows first and second (first <= second, both growing from call to call), resized.
    std::pair<const float*, const float*> rows(std::size_t first, std::size_t second) {
        if (slots_[1].row == first)
            std::swap(slots_[0], slots_[1]);
        load(slots_[0], first);
        if (second == first)
            return {slots_[0].data, slots_[0].data};
        load(slots_[1], second);
        return {slots_[0].data, slots_[1].data};
    }

private:
    struct slot {
        float* data = nullptr;
        std::size_t row = static_cast<std::size_t>(-1);
    };

    void load(slot& s, std::size_t row) noexcept {
        if (s.row == row)
            return;
        resize_row(photo_.row(row), columns_, wide_, normal_, s.data);
        s.row = row;
    }

    image_view photo_;
    span<const axis_taps<2>> columns_;
    detail::affine normal_;
    std::size_t wide_;
    slot slots_[2];
};

} // namespace resampling

// Writes the top left size.height x size.width pixels of `output` (H, W, 3), in RGB.
inline void resize_normalized(image_view photo, image_size size, const detail::affine& normal,
                              view<float, 3> output, preprocess_workspace& workspace) {
    const auto& columns =
        fill_columns<2>(map_axis(photo.width, size.width), 0, size.width, workspace.columns);
    resampling::row_cache cache(photo, span<const axis_taps<2>>(columns), normal, workspace.rows);
    const axis_map vertical = map_axis(photo.height, size.height);
    for (std::size_t y = 0; y < size.height; ++y) {
        const axis_taps<2> t = taps_at<2>(vertical, y);
        const auto [top, bottom] = cache.rows(t.index[0], t.index[1]);
        resampling::blend_rows(top, bottom, t, output.data() + 3 * y * output.extent(1), 3 * size.width);
    }
}

FOVEA_ARCH_NAMESPACE_END
