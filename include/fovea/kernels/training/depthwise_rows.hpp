// The passes of depthwise training kernels over a strip of rows: correlation (forward, and backward at stride
// 1), its transpose at stride 2, and the sums of the weight gradient.
#pragma once

#include <fovea/kernels/simd/block_ring.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Writes or adds a row that lies in a buffer, pixel after pixel, to a map.
template <class Vector>
FOVEA_INLINE void add_row(const float* row, float* output, std::ptrdiff_t stride, int width) noexcept {
    for (int x = 0; x < width; ++x)
        (Vector::load_unaligned(output + x * stride) + Vector::load_unaligned(row + x * vector_size))
            .store_unaligned(output + x * stride);
}

// Rows of a map in a ring, strip by strip: f(ring, first, last) for output rows [first, last) of `l`.
class depthwise_strips {
public:
    constexpr explicit depthwise_strips(const layer& l) noexcept : blocks_(l), cut_(blocks_) {}

    constexpr std::size_t scratch_floats() const noexcept { return cut_.ring_floats(); }
    constexpr int channels() const noexcept { return cut_.channels; }

    template <class Function>
    void run(const float* input, int first, int last, float* scratch, Function&& f) const noexcept {
        block_ring ring(blocks_, cut_, scratch, 0);
        ring.clear_margins(0, cut_.channels);
        const window& w = blocks_.depthwise.win;
        const int height = blocks_.depthwise.in.height;
        int filled = std::max(0, first * w.stride_height - w.pad_top);
        for (int y = first; y < last; y += cut_.strip_rows) {
            const int end = std::min(last, y + cut_.strip_rows);
            const int needed = std::min(height, (end - 1) * w.stride_height - w.pad_top + w.kernel_height);
            ring.copy(input, filled, needed);
            filled = std::max(filled, needed);
            f(ring, y, end);
        }
    }

private:
    block_layers blocks_;
    block_cut cut_;
};

// output = or += the correlation of rows with weights packed as depthwise_weights has them. `row`: floats of
// a row of one vector, where it adds.
template <int Kernel, int Stride>
inline void correlate_rows(const block_ring& ring, const layer& l, const float* weights, int first, int last,
                           float* output, bool adds, float* buffer) noexcept {
    const std::ptrdiff_t stride = l.out.stride, row_floats = l.out.width * stride;
    const auto same = [](auto x) { return x; };
    for_each_vector(0, padded_channels(l.out.channels), [&](auto tag, int c) {
        using v = decltype(tag);
        const depthwise_row<Kernel, Stride, v> row(weights + depthwise_weights::offset(Kernel * Kernel, c));
        for (int y = first; y < last; ++y) {
            window_rows_of<Kernel> rows;
            ring.template window_at<Kernel, Stride>(c, y, rows);
            float* const to = output + y * row_floats + c;
            if (!adds) {
                row.run(rows, to, stride, l.out.width, same);
            } else {
                row.run(rows, buffer, vector_size, l.out.width, same);
                add_row<v>(buffer, to, stride, l.out.width);
            }
        }
    });
}

// The transpose of a correlation at stride 2. Seen by pairs of rows and columns of the input, counted from
// the first window's corner, it is a window of `reach + 1` output gradients at stride 1 that makes 2x2
// numbers: a pixel at an even place meets the even taps, one at an odd place the odd taps.
template <int Kernel>
class transposed_rows {
public:
    static constexpr int reach = (Kernel - 1) / 2;

    // The layer of pairs. `l`: the convolution.
    static constexpr layer pairs_of(const layer& l) noexcept {
        layer p;
        p.in = l.out;
        p.out = l.in;
        p.out.height = (l.win.pad_top + l.in.height - 1) / 2 + 1;
        p.out.width = (l.win.pad_left + l.in.width - 1) / 2 + 1;
        p.win = {reach + 1, reach + 1, 1, 1, reach, reach, 0, 0, 1};
        p.groups = l.groups;
        return p;
    }
    // Pairs of rows [first, last).
    static void run(const block_ring& ring, const layer& l, const float* weights, int first, int last,
                    float* output, bool adds, float* buffer) noexcept {
        for_each_vector(0, padded_channels(l.in.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            const float* const w =
                weights + depthwise_weights::offset(Kernel * Kernel, c) + static_cast<int>(v::size);
            for (int pair = first; pair < last; ++pair) {
                window_rows_of<reach + 1> rows;
                ring.template window_at<reach + 1, 1>(c, pair, rows);
                unroll<2>([&](auto parity) FOVEA_INLINE_LAMBDA {
                    const int y = 2 * pair + parity() - l.win.pad_top;
                    if (y < 0 || y >= l.in.height)
                        return;
                    run_row<v, parity()>(rows, w, l, buffer);
                    float* const to = output + static_cast<std::ptrdiff_t>(y) * l.in.width * l.in.stride + c;
                    const float* const from = buffer + l.win.pad_left % 2 * vector_size;
                    if (adds)
                        add_row<v>(from, to, l.in.stride, l.in.width);
                    else
                        for (int x = 0; x < l.in.width; ++x)
                            v::load_unaligned(from + x * vector_size).store_unaligned(to + x * l.in.stride);
                });
            }
        });
    }
    // Floats of the buffer.
    static constexpr int buffer_floats(const layer& l) noexcept {
        return (2 * ((l.win.pad_left + l.in.width - 1) / 2 - l.win.pad_left / 2) + 2) * vector_size;
    }

private:
    template <class Vector, int Parity>
    static FOVEA_INLINE void run_row(const window_rows_of<reach + 1>& rows, const float* weights,
                                     const layer& l, float* buffer) noexcept {
        constexpr int pairs = 3;
        int j = l.win.pad_left / 2;
        const int end = (l.win.pad_left + l.in.width - 1) / 2 + 1;
        for (; j + pairs <= end; j += pairs, buffer += 2 * pairs * vector_size)
            run_tile<Vector, Parity, pairs>(rows, weights, j, buffer);
        for (; j < end; ++j, buffer += 2 * vector_size)
            run_tile<Vector, Parity, 1>(rows, weights, j, buffer);
    }
    template <class Vector, int Parity, int Pairs>
    static FOVEA_INLINE void run_tile(const window_rows_of<reach + 1>& rows, const float* weights, int j,
                                      float* output) noexcept {
        constexpr int size = static_cast<int>(Vector::size);
        array_of<Vector, 2 * Pairs> sum;
        unroll<2 * Pairs>([&](auto i) FOVEA_INLINE_LAMBDA { sum[i] = Vector(0.0F); });
        unroll<reach + 1>([&](auto k) FOVEA_INLINE_LAMBDA {
            constexpr int ky = 2 * (reach - k()) + Parity;
            if constexpr (ky < Kernel)
                unroll<Pairs + reach>([&](auto i) FOVEA_INLINE_LAMBDA {
                    const Vector x = Vector::load_unaligned(rows[k] + (j + i) * vector_size);
                    unroll<2 * Pairs>([&](auto p) FOVEA_INLINE_LAMBDA {
                        constexpr int kx = 2 * (p() / 2 + reach - i()) + p() % 2;
                        if constexpr (kx >= 0 && kx < Kernel)
                            sum[p] = multiply_add(
                                x, Vector::load_unaligned(weights + (ky * Kernel + kx) * size), sum[p]);
                    });
                });
        });
        unroll<2 * Pairs>([&](auto p)
                              FOVEA_INLINE_LAMBDA { sum[p].store_unaligned(output + p * vector_size); });
    }
};

// sums[vector of channels][1 + tap][channel] += the output gradient's rows [first, last) times the input
// under each tap; the vector in front of the taps sums the output gradient itself, for the bias.
template <int Kernel, int Stride>
class depthwise_tap_sums {
public:
    static void run(const block_ring& ring, const layer& l, const float* output_gradient, int first, int last,
                    float* sums) noexcept {
        for_each_vector(0, padded_channels(l.out.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            float* const to = sums + depthwise_weights::offset(Kernel * Kernel, c);
            const float* const y = output_gradient + c;
            add_bias<v>(l, y, first, last, to);
            if constexpr (Kernel == 3) {
                add_taps<v, 0, 3>(ring, l, y, c, first, last, to);
            } else {
                add_taps<v, 0, 2>(ring, l, y, c, first, last, to);
                add_taps<v, 2, 2>(ring, l, y, c, first, last, to);
                add_taps<v, 4, 1>(ring, l, y, c, first, last, to);
            }
        });
    }

private:
    template <class Vector>
    static FOVEA_INLINE void add_bias(const layer& l, const float* y, int first, int last,
                                      float* to) noexcept {
        Vector sum(0.0F);
        for (int p = first * l.out.width; p < last * l.out.width; ++p)
            sum += Vector::load_unaligned(y + static_cast<std::ptrdiff_t>(p) * l.out.stride);
        (Vector::load_unaligned(to) + sum).store_unaligned(to);
    }
    // The taps of `Rows` rows of the window.
    template <class Vector, int FirstRow, int Rows>
    static FOVEA_INLINE void add_taps(const block_ring& ring, const layer& l, const float* output_gradient,
                                      int c, int first, int last, float* to) noexcept {
        constexpr int size = static_cast<int>(Vector::size), taps = Rows * Kernel;
        array_of<Vector, taps> sum;
        unroll<taps>([&](auto t) FOVEA_INLINE_LAMBDA { sum[t] = Vector(0.0F); });
        for (int y = first; y < last; ++y) {
            window_rows_of<Kernel> rows;
            ring.template window_at<Kernel, Stride>(c, y, rows);
            const float* gradient =
                output_gradient + static_cast<std::ptrdiff_t>(y) * l.out.width * l.out.stride;
            for (std::ptrdiff_t x = 0; x < l.out.width; ++x, gradient += l.out.stride) {
                const Vector g = Vector::load_unaligned(gradient);
                unroll<taps>([&](auto t) FOVEA_INLINE_LAMBDA {
                    const float* const pixel =
                        rows[FirstRow + t() / Kernel] + (x * Stride + t() % Kernel) * vector_size;
                    sum[t] = multiply_add(Vector::load_unaligned(pixel), g, sum[t]);
                });
            }
        }
        float* const out = to + (1 + FirstRow * Kernel) * size;
        unroll<taps>([&](auto t) FOVEA_INLINE_LAMBDA {
            (Vector::load_unaligned(out + t * size) + sum[t]).store_unaligned(out + t * size);
        });
    }
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
