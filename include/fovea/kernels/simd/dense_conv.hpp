// Dense convolutions with any window: the pixels under the window's taps gathered as rows of a matrix
// product.
#pragma once

#include <fovea/kernels/simd/columns.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

inline constexpr int max_taps = 64;

// Pointers to the input pixels under each tap, for up to tile_rows output pixels; `zeros` where the window is
// outside.
class tap_pointers {
public:
    tap_pointers(const layer& l, const float* input, const float* zeros) noexcept
        : l_(l), input_(input), zeros_(zeros) {}

    int taps() const noexcept { return l_.win.kernel_height * l_.win.kernel_width; }
    void gather(int first_pixel, int count) noexcept {
        int y = first_pixel / l_.out.width, x = first_pixel % l_.out.width;
        for (int r = 0; r < count; ++r) {
            gather_pixel(y, x, r);
            if (++x == l_.out.width) {
                x = 0;
                ++y;
            }
        }
    }
    gathered_rows rows(int r) const noexcept { return {pointers_ + r, taps(), tile_rows}; }

private:
    void gather_pixel(int y, int x, int r) noexcept {
        const window& w = l_.win;
        const float** out = pointers_ + r;
        for (int ky = 0; ky < w.kernel_height; ++ky)
            for (int kx = 0; kx < w.kernel_width; ++kx, out += tile_rows) {
                const int iy = y * w.stride_height - w.pad_top + ky * w.dilation;
                const int ix = x * w.stride_width - w.pad_left + kx * w.dilation;
                const bool inside = iy >= 0 && iy < l_.in.height && ix >= 0 && ix < l_.in.width;
                *out = inside ? input_ + (static_cast<std::ptrdiff_t>(iy) * l_.in.width + ix) * l_.in.stride
                              : zeros_;
            }
    }

    const layer& l_;
    const float* input_;
    const float* zeros_;
    const float* pointers_[max_taps * tile_rows];
};

} // namespace kernel_detail

struct dense_conv_kernel {
    static constexpr const char* name = "dense_conv";

    static constexpr bool supports(const window& w) noexcept {
        return w.kernel_height * w.kernel_width <= kernel_detail::max_taps;
    }
    static constexpr int depth(const layer& l) noexcept {
        return l.in.channels * l.win.kernel_height * l.win.kernel_width;
    }
    // The matrix, then a pixel of zeros for taps outside the input.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return packed_matrix_floats(depth(l), l.out.channels) +
               static_cast<std::size_t>(padded_channels(l.in.channels));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        pack_matrix(w, l.in.channels, l.win.kernel_height * l.win.kernel_width, l.out.channels, packed);
        std::fill_n(packed + packed_matrix_floats(depth(l), l.out.channels), padded_channels(l.in.channels),
                    0.0F);
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int tiles = (l.out.pixels() + tile_rows - 1) / tile_rows;
        constexpr int tiles_per_task = 16;
        parallel_for(ex, (tiles + tiles_per_task - 1) / tiles_per_task, [&](int task, int) {
            const int first = task * tiles_per_task * tile_rows;
            run_pixels(l, o, first, std::min(l.out.pixels(), first + tiles_per_task * tile_rows));
        });
    }

private:
    static void run_pixels(const layer& l, const operands& o, int first, int last) noexcept {
        kernel_detail::tap_pointers pointers(l, o.input,
                                             o.weights + packed_matrix_floats(depth(l), l.out.channels));
        for (int pixel = first; pixel < last; pixel += tile_rows) {
            const int count = std::min(tile_rows, last - pixel);
            pointers.gather(pixel, count);
            run_columns(l, o, pointers, pixel, count);
        }
    }
    static void run_columns(const layer& l, const operands& o, const kernel_detail::tap_pointers& pointers,
                            int pixel, int count) noexcept {
        const int residual_stride = padded_channels(l.out.channels);
        const float* weights = o.weights;
        column_block b{0, 0};
        for (int column = 0; column < padded_channels(l.out.channels); column += b.width) {
            b = block_at(column, l.out.channels);
            tile_operands t{};
            t.weights = weights;
            t.output = o.output + static_cast<std::ptrdiff_t>(pixel) * l.out.stride + column;
            t.output_stride = l.out.stride;
            if (o.residual != nullptr)
                t.residual = o.residual + static_cast<std::ptrdiff_t>(pixel) * residual_stride + column;
            t.residual_stride = residual_stride;
            t.depth = l.in.channels;
            t.valid = l.out.stride - column;
            t.act = l.act;
            run_column_block(
                b.width, 0, count, [&](int r) { return pointers.rows(r); }, t);
            weights += static_cast<std::ptrdiff_t>(depth(l) + 1) * b.width;
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
