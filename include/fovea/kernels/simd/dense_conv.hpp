// Dense convolutions with any window over many channels: the pixels under the window's taps gathered as rows
// of a matrix product.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int max_taps = 64; // room for pointers; select_kernel() sends larger windows elsewhere

// The input pixels under the windows of up to tile_rows output pixels, as rows of a matrix product.
class window_pixels {
public:
    // `zeros`: a pixel of zeros, for taps outside the input.
    window_pixels(const layer& l, const float* input, const float* zeros) noexcept
        : l_(l), input_(input), zeros_(zeros) {}

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
    gathered_rows rows(int r) const noexcept {
        return {pointers_ + r, l_.win.kernel_height * l_.win.kernel_width, tile_rows};
    }

private:
    const float* pixel(int y, int x) const noexcept {
        return input_ + (static_cast<std::ptrdiff_t>(y) * l_.in.width + x) * l_.in.stride;
    }
    // Pixels of one output row whose windows lie inside the input.
    void gather_inside(int top, int left, int count) noexcept {
        const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(l_.win.stride_width) * l_.in.stride;
        const float** out = pointers_;
        for (int ky = 0; ky < l_.win.kernel_height; ++ky)
            for (int kx = 0; kx < l_.win.kernel_width; ++kx, out += tile_rows) {
                const float* first = pixel(top + ky * l_.win.dilation, left + kx * l_.win.dilation);
                for (int r = 0; r < count; ++r)
                    out[r] = first + r * step;
            }
    }
    // One output pixel anywhere.
    void gather_pixel(int top, int left, int r) noexcept {
        const float** out = pointers_ + r;
        for (int ky = 0; ky < l_.win.kernel_height; ++ky)
            for (int kx = 0; kx < l_.win.kernel_width; ++kx, out += tile_rows) {
                const int y = top + ky * l_.win.dilation, x = left + kx * l_.win.dilation;
                const bool inside = y >= 0 && y < l_.in.height && x >= 0 && x < l_.in.width;
                *out = inside ? pixel(y, x) : zeros_;
            }
    }

    const layer& l_;
    const float* input_;
    const float* zeros_;
    array_of<const float*, max_taps * tile_rows> pointers_;
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
        constexpr int tasks_per_worker = 4, most_tiles = 16; // of a task
        const int workers = workers_for(l, ex);
        const int tiles = (l.out.pixels() + tile_rows - 1) / tile_rows;
        const int pixels = std::clamp(tiles / (tasks_per_worker * workers), 1, most_tiles) * tile_rows;
        parallel_for(ex, workers, (l.out.pixels() + pixels - 1) / pixels, [&](int task, int) {
            run_pixels(l, o, task * pixels, std::min(l.out.pixels(), (task + 1) * pixels));
        });
    }

private:
    static void run_pixels(const layer& l, const operands& o, int first, int last) noexcept {
        kernel_detail::window_pixels pixels(l, o.input,
                                            o.weights + packed_matrix_floats(products(l), l.out.channels));
        for (int pixel = first; pixel < last; pixel += tile_rows) {
            const int count = std::min(tile_rows, last - pixel);
            pixels.gather(pixel, count);
            for_each_block(l, o, pixel, l.in.channels, products(l),
                           [&](int, int width, const tile_operands& t) {
                               run_column_block(
                                   width, 0, count, [&](int r) { return pixels.rows(r); }, t);
                           });
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
