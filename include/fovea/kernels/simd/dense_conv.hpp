// Dense convolutions with any window: the pixels under the window's taps gathered as rows of a matrix
// product.
#pragma once

#include <fovea/kernels/simd/columns.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int max_taps = 64; // room for pointers; select_kernel() sends larger windows elsewhere

// The input under the windows of up to tile_rows output pixels, as rows of a matrix product. With few
// channels (the first layer) a tap is a whole row of the window, contiguous in memory; with many it is one
// pixel.
class window_rows {
public:
    // `zeros`: a pixel of zeros, for taps outside the input.
    window_rows(const layer& l, const float* input, const float* zeros) noexcept
        : l_(l), input_(input), zeros_(zeros), by_rows_(taps_are_rows(l)),
          taps_across_(by_rows_ ? 1 : l.win.kernel_width) {}

    static constexpr bool taps_are_rows(const layer& l) noexcept {
        return l.win.dilation == 1 && l.win.kernel_height <= max_row_taps &&
               l.win.kernel_width * l.in.channels <= max_row_floats && l.in.stride == l.in.channels;
    }
    // Numbers under one tap.
    static constexpr int depth(const layer& l) noexcept {
        return taps_are_rows(l) ? l.win.kernel_width * l.in.channels : l.in.channels;
    }
    int taps() const noexcept { return l_.win.kernel_height * taps_across_; }

    void gather(int first_pixel, int count) noexcept {
        const window& w = l_.win;
        int y = first_pixel / l_.out.width, x = first_pixel % l_.out.width;
        const int top = y * w.stride_height - w.pad_top, left = x * w.stride_width - w.pad_left;
        const int right = left + (count - 1) * w.stride_width + (w.kernel_width - 1) * w.dilation;
        if (x + count <= l_.out.width && top >= 0 && left >= 0 && right < l_.in.width &&
            top + (w.kernel_height - 1) * w.dilation < l_.in.height)
            return gather_inside(top, left, count);
        for (int r = 0; r < count; ++r) {
            gather_pixel(y * w.stride_height - w.pad_top, x * w.stride_width - w.pad_left, r);
            if (++x == l_.out.width) {
                x = 0;
                ++y;
            }
        }
    }
    gathered_rows rows(int r) const noexcept { return {pointers_ + r, taps(), tile_rows}; }

private:
    static constexpr int max_row_taps = 8, max_row_floats = 64;

    bool has_row(int y) const noexcept { return y >= 0 && y < l_.in.height; }
    const float* pixel(int y, int x) const noexcept {
        return input_ + (static_cast<std::ptrdiff_t>(y) * l_.in.width + x) * l_.in.stride;
    }
    // Pixels of one output row whose windows lie inside the input.
    void gather_inside(int top, int left, int count) noexcept {
        const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(l_.win.stride_width) * l_.in.stride;
        const float** out = pointers_;
        for (int ky = 0; ky < l_.win.kernel_height; ++ky)
            for (int kx = 0; kx < taps_across_; ++kx, out += tile_rows) {
                const float* first = pixel(top + ky * l_.win.dilation, left + kx * l_.win.dilation);
                for (int r = 0; r < count; ++r)
                    out[r] = first + r * step;
            }
    }
    // One output pixel anywhere.
    void gather_pixel(int top, int left, int r) noexcept {
        const window& w = l_.win;
        const float** out = pointers_ + r;
        for (int ky = 0; ky < w.kernel_height; ++ky)
            for (int kx = 0; kx < taps_across_; ++kx, out += tile_rows) {
                const int y = top + ky * w.dilation, x = left + kx * w.dilation;
                if (by_rows_)
                    *out = copy_row(y, x, edge_[r][ky]);
                else
                    *out = has_row(y) && x >= 0 && x < l_.in.width ? pixel(y, x) : zeros_;
            }
    }
    // A window's row that leaves the input, copied with zeros where it does.
    const float* copy_row(int y, int left, float* row) const noexcept {
        std::fill_n(row, max_row_floats, 0.0F);
        const int begin = std::max(0, -left), end = std::min(l_.win.kernel_width, l_.in.width - left);
        if (has_row(y) && begin < end)
            std::copy_n(pixel(y, left + begin), (end - begin) * l_.in.channels, row + begin * l_.in.channels);
        return row;
    }

    const layer& l_;
    const float* input_;
    const float* zeros_;
    bool by_rows_;
    int taps_across_;
    array_of<const float*, max_taps * tile_rows> pointers_;
    array_of<array_of<array_of<float, max_row_floats>, max_row_taps>, tile_rows> edge_;
};

} // namespace kernel_detail

struct dense_conv_kernel {
    static constexpr const char* name = "dense_conv";

    static constexpr int products(const layer& l) noexcept {
        return l.in.channels * l.win.kernel_height * l.win.kernel_width;
    }
    // The matrix, then a pixel of zeros for taps outside the input.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return packed_matrix_floats(products(l), l.out.channels) +
               static_cast<std::size_t>(padded_channels(l.in.channels));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        pack_matrix(w, l.in.channels, l.win.kernel_height * l.win.kernel_width, l.out.channels, packed);
        std::fill_n(packed + packed_matrix_floats(products(l), l.out.channels),
                    padded_channels(l.in.channels), 0.0F);
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int tiles = (l.out.pixels() + tile_rows - 1) / tile_rows;
        constexpr int tiles_per_task = 16;
        parallel_for(
            ex, workers_for(l, ex), (tiles + tiles_per_task - 1) / tiles_per_task, [&](int task, int) {
                const int first = task * tiles_per_task * tile_rows;
                run_pixels(l, o, first, std::min(l.out.pixels(), first + tiles_per_task * tile_rows));
            });
    }

private:
    static void run_pixels(const layer& l, const operands& o, int first, int last) noexcept {
        kernel_detail::window_rows rows(l, o.input,
                                        o.weights + packed_matrix_floats(products(l), l.out.channels));
        for (int pixel = first; pixel < last; pixel += tile_rows) {
            const int count = std::min(tile_rows, last - pixel);
            rows.gather(pixel, count);
            for_each_block(l, o, pixel, rows.depth(l), products(l),
                           [&](int, int width, const tile_operands& t) {
                               run_column_block(
                                   width, 0, count, [&](int r) { return rows.rows(r); }, t);
                           });
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
