// 8-bit RGB to normalised, bilinearly resized floats in one pass: the way into every detector.
//
// Normalising is affine and bilinear weights sum to one, so normalising while the resized row is written
// gives torchvision's normalise-then-resize up to rounding. Rows are blended first, a contiguous loop over
// bytes; then each output pixel is two multiply-adds of four lanes.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/kernels/simd/bytes.hpp>
#include <fovea/preprocess/geometry.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/normalize.hpp>
#include <fovea/preprocess/workspace.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace resampling {

// line[i] = top[i] * t.weight[0] + bottom[i] * t.weight[1] for count bytes.
inline void blend_rows(const std::uint8_t* top, const std::uint8_t* bottom, const axis_taps<2>& t,
                       float* line, std::size_t count) noexcept {
    using kernel_detail::load_bytes;
    const vector w0(t.weight[0]), w1(t.weight[1]);
    const auto blend = [&](std::size_t i) {
        (load_bytes(top + i) * w0 + load_bytes(bottom + i) * w1).store_unaligned(line + i);
    };
    std::size_t i = 0;
    for (; i + vector::size <= count; i += vector::size)
        blend(i);
    if (i < count && count >= vector::size)
        return blend(count - vector::size); // overlaps with the one before
    for (; i < count; ++i)
        line[i] = static_cast<float>(top[i]) * t.weight[0] + static_cast<float>(bottom[i]) * t.weight[1];
}

// A blended row to normalised pixels, four lanes each, of which the last one is overwritten by the next
// pixel.
inline void resize_line(const float* line, span<const pixel_column> columns, const detail::affine& normal,
                        float* out) noexcept {
    using four = xsimd::make_sized_batch_t<float, 4>;
    const auto scale = four::load_unaligned(normal.scale.data()),
               shift = four::load_unaligned(normal.shift.data());
    const auto pixel = [&](const pixel_column& c) {
        const auto left = four::load_unaligned(line + c.left),
                   right = four::load_unaligned(line + c.left + 3);
        return multiply_add(multiply_add(right - left, four(c.weight), left), scale, shift);
    };
    const std::size_t last = columns.size() - 1;
    for (std::size_t x = 0; x < last; ++x)
        pixel(columns[x]).store_unaligned(out + 3 * x);
    float rgb[4];
    pixel(columns[last]).store_unaligned(rgb);
    std::copy_n(rgb, 3, out + 3 * last);
}

// How the rows of a photo become rows of the output. Of photos much wider than the output only the pixels
// that count are blended.
class row_resizer {
public:
    // Photos more than so many times as wide as the output have their pixels picked first.
    static constexpr std::size_t most_blended = 6;

    row_resizer(image_view photo, const resized_window& window, const detail::affine& normal,
                std::size_t workers, preprocess_workspace& workspace)
        : photo_(photo), vertical_(map_axis(photo.height, window.whole.height)), top_(window.top),
          normal_(normal), picks_(photo.width / most_blended > window.shown.width),
          columns_(workspace.pixel_columns),
          taps_(fill_columns<2>(map_axis(photo.width, window.whole.width), window.left, window.shown.width,
                                workspace.columns)),
          pixels_(picks_ ? 2 * window.shown.width : photo.width), lines_(workspace.rows),
          picked_(workspace.bytes) {
        columns_.resize(taps_.size());
        for (std::size_t x = 0; x < taps_.size(); ++x)
            columns_[x] = {picks_ ? 6 * x : 3 * taps_[x].index[0], taps_[x].weight[1]};
        lines_.resize(workers * line_floats());
        picked_.resize(picks_ ? workers * 2 * 3 * pixels_ : 0);
    }

    // Output row y by a worker of its own lines.
    void resize(std::size_t y, std::size_t worker, float* out) noexcept {
        const axis_taps<2> t = taps_at<2>(vertical_, top_ + y);
        const std::uint8_t *top = photo_.row(t.index[0]), *bottom = photo_.row(t.index[1]);
        if (picks_) {
            std::uint8_t* const rows = picked_.data() + worker * 2 * 3 * pixels_;
            top = pick(top, rows);
            bottom = pick(bottom, rows + 3 * pixels_);
        }
        float* const line = lines_.data() + worker * line_floats();
        blend_rows(top, bottom, t, line, 3 * pixels_);
        std::copy_n(line + 3 * (pixels_ - 1), 3, line + 3 * pixels_);
        line[3 * pixels_ + 3] = 0;
        resize_line(line, columns_, normal_, out);
    }

private:
    // The pixels, the last one once more as the right neighbour of itself, and that one's fourth lane.
    std::size_t line_floats() const noexcept { return 3 * pixels_ + 4; }

    // The two pixels of each column side by side.
    const std::uint8_t* pick(const std::uint8_t* row, std::uint8_t* to) const noexcept {
        std::uint8_t* next = to;
        for (const axis_taps<2>& t : taps_) {
            if (t.index[1] == t.index[0] + 1) {
                std::memcpy(next, row + 3 * t.index[0], 6);
            } else {
                std::memcpy(next, row + 3 * t.index[0], 3);
                std::memcpy(next + 3, row + 3 * t.index[1], 3);
            }
            next += 6;
        }
        return to;
    }

    image_view photo_;
    axis_map vertical_;
    std::size_t top_; // of the window
    detail::affine normal_;
    bool picks_;
    std::vector<pixel_column>& columns_;
    const std::vector<axis_taps<2>>& taps_;
    std::size_t pixels_; // of a blended row
    std::vector<float>& lines_;
    std::vector<std::uint8_t>& picked_;
};

} // namespace resampling

// Writes a window of the photo resized to window.whole, in RGB, as the top left window.shown pixels of `output`
// (H, W, 3). The executor's workers share the rows.
inline void resize_normalized(image_view photo, const resized_window& window, const detail::affine& normal,
                              view<float, 3> output, preprocess_workspace& workspace, executor& ex) {
    constexpr std::size_t rows_a_task = 16;
    const int workers = std::max(1, ex.concurrency());
    resampling::row_resizer rows(photo, window, normal, static_cast<std::size_t>(workers), workspace);
    const std::size_t height = window.shown.height, tasks = (height + rows_a_task - 1) / rows_a_task;
    parallel_for(ex, workers, static_cast<int>(tasks), [&](int task, int worker) {
        const std::size_t first = static_cast<std::size_t>(task) * rows_a_task;
        for (std::size_t y = first; y < std::min(height, first + rows_a_task); ++y)
            rows.resize(y, static_cast<std::size_t>(worker), output.data() + 3 * y * output.extent(1));
    });
}
// All of the resized photo.
inline void resize_normalized(image_view photo, image_size size, const detail::affine& normal,
                              view<float, 3> output, preprocess_workspace& workspace, executor& ex) {
    resize_normalized(photo, resized_window{size, 0, 0, size}, normal, output, workspace, ex);
}

FOVEA_ARCH_NAMESPACE_END
