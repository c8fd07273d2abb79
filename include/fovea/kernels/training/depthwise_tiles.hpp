// The inner loops of depthwise training: a few pixels side by side, channel after channel, so that maps are
// read and written as they lie in memory.
#pragma once

#include <fovea/kernels/simd/depthwise_weights.hpp>
#include <fovea/kernels/simd/depthwise_window.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Pixels of a tile. Its loads of weights or sums are shared by so many; the maps of the 300 and 320 pixel
// detectors are multiples of it.
inline constexpr int depthwise_pixels = 5;

// Pointers to the pixels of a map, row after row: rows [top, top + rows), columns [left, left + columns).
// Pixels outside of the map are `outside`.
template <class Float>
inline void find_pixels(Float* map, const map_layout& m, int top, int left, int rows, int columns,
                        Float* outside, Float** pixels) noexcept {
    for (int y = top; y < top + rows; ++y, pixels += columns) {
        if (y < 0 || y >= m.height) {
            std::fill_n(pixels, columns, outside);
            continue;
        }
        Float* pixel = map + (static_cast<std::ptrdiff_t>(y) * m.width + left) * m.stride;
        for (int i = 0; i < columns; ++i, pixel += m.stride)
            pixels[i] = left + i >= 0 && left + i < m.width ? pixel : outside;
    }
}

// The pixels under a tile's windows.
template <int Kernel, int Stride>
struct depthwise_window_pixels {
    static constexpr int columns = columns_under(depthwise_pixels, Kernel, Stride);
    static constexpr int count = Kernel * columns;
};

// Writes a tile's numbers for one vector of channels, or adds them.
template <class Vector, int N>
FOVEA_INLINE void store_pixels(array_of<Vector, N>& x, float* const* out, int channel, bool adds) noexcept {
    if (adds)
        unroll<N>([&](auto p) FOVEA_INLINE_LAMBDA { x[p] += Vector::load_unaligned(out[p] + channel); });
    unroll<N>([&](auto p) FOVEA_INLINE_LAMBDA { x[p].store_unaligned(out[p] + channel); });
}

// out[p] = or += bias + sum over taps of the input under it times weights, for channels [0, channels).
// `weights` as depthwise_weights packs them, of the first channel.
template <int Kernel, int Stride>
inline void correlate_tile(const float* const* in, const float* weights, int channels, bool adds,
                           float* const* out) noexcept {
    using window = depthwise_window_pixels<Kernel, Stride>;
    for_each_vector(0, channels, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
        using v = decltype(tag);
        constexpr int size = static_cast<int>(v::size);
        const float* const w = weights + depthwise_weights::offset(Kernel * Kernel, c);
        array_of<v, depthwise_pixels> sum;
        unroll<depthwise_pixels>([&](auto p) FOVEA_INLINE_LAMBDA { sum[p] = v::load_unaligned(w); });
        unroll<Kernel>([&](auto ky) FOVEA_INLINE_LAMBDA {
            array_of<v, Kernel> row;
            unroll<Kernel>([&](auto kx) FOVEA_INLINE_LAMBDA {
                row[kx] = v::load_unaligned(w + (1 + ky * Kernel + kx) * size);
                keep_in_register(row[kx]);
            });
            unroll<window::columns>([&](auto i) FOVEA_INLINE_LAMBDA {
                const v x = v::load_unaligned(in[ky * window::columns + i] + c);
                unroll<depthwise_pixels>([&](auto p) FOVEA_INLINE_LAMBDA {
                    constexpr int kx = i() - p() * Stride;
                    if constexpr (kx >= 0 && kx < Kernel)
                        sum[p] = multiply_add(x, row[kx], sum[p]);
                });
            });
        });
        store_pixels<v, depthwise_pixels>(sum, out, c, adds);
    });
}

// sums[1 + tap] += sum over pixels of gradient[p] times the input under the tap; laid out as
// depthwise_weights.
template <int Kernel, int Stride>
inline void sum_taps_of_tile(const float* const* in, const float* const* gradient, int channels,
                             float* sums) noexcept {
    using window = depthwise_window_pixels<Kernel, Stride>;
    for_each_vector(0, channels, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
        using v = decltype(tag);
        constexpr int size = static_cast<int>(v::size);
        float* const to = sums + depthwise_weights::offset(Kernel * Kernel, c) + size;
        array_of<v, depthwise_pixels> g;
        unroll<depthwise_pixels>([&](auto p) FOVEA_INLINE_LAMBDA {
            g[p] = v::load_unaligned(gradient[p] + c);
            keep_in_register(g[p]);
        });
        unroll<Kernel>([&](auto ky) FOVEA_INLINE_LAMBDA {
            array_of<v, Kernel> sum;
            unroll<Kernel>([&](auto kx) FOVEA_INLINE_LAMBDA {
                sum[kx] = v::load_unaligned(to + (ky * Kernel + kx) * size);
            });
            unroll<window::columns>([&](auto i) FOVEA_INLINE_LAMBDA {
                const v x = v::load_unaligned(in[ky * window::columns + i] + c);
                unroll<Kernel>([&](auto kx) FOVEA_INLINE_LAMBDA {
                    constexpr int from = i() - kx();
                    if constexpr (from >= 0 && from % Stride == 0 && from / Stride < depthwise_pixels)
                        sum[kx] = multiply_add(x, g[from / Stride], sum[kx]);
                });
            });
            unroll<Kernel>([&](auto kx) FOVEA_INLINE_LAMBDA {
                sum[kx].store_unaligned(to + (ky * Kernel + kx) * size);
            });
        });
    });
}

// The transpose of a correlation at stride 2. Seen by pairs of rows and columns of its result, counted from
// the first window's corner, it is a window of `reach + 1` numbers at stride 1 that makes 2x2 numbers: a
// pixel at an even place meets the even taps, one at an odd place the odd taps.
template <int Kernel>
struct transposed_tile {
    static constexpr int reach = (Kernel - 1) / 2, pairs = 2, columns = pairs + reach, width = 2 * pairs;

    // in: [reach + 1][columns] pixels that end with the tile's pairs; out: [2][width].
    static void run(const float* const* in, const float* weights, int channels, bool adds,
                    float* const* out) noexcept {
        for_each_vector(0, channels, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            constexpr int size = static_cast<int>(v::size);
            const float* const w = weights + depthwise_weights::offset(Kernel * Kernel, c) + size;
            array_of<v, 2 * width> sum;
            unroll<2 * width>([&](auto p) FOVEA_INLINE_LAMBDA { sum[p] = v(0.0F); });
            unroll<(reach + 1) * columns>([&](auto i) FOVEA_INLINE_LAMBDA {
                const v x = v::load_unaligned(in[i] + c);
                unroll<2 * width>([&](auto p) FOVEA_INLINE_LAMBDA {
                    constexpr int ky = 2 * (reach - i() / columns) + p() / width;
                    constexpr int kx = 2 * (p() % width / 2 + reach - i() % columns) + p() % 2;
                    if constexpr (ky < Kernel && kx >= 0 && kx < Kernel)
                        sum[p] = multiply_add(x, v::load_unaligned(w + (ky * Kernel + kx) * size), sum[p]);
                });
            });
            store_pixels<v, 2 * width>(sum, out, c, adds);
        });
    }
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
