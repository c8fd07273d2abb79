// The first convolution: a few channels of floats or bytes in, all taps of a window's row one run of numbers.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>
#include <fovea/kernels/simd/row_ring.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

constexpr bool is_stem(const window& w, int in_channels) noexcept {
    return in_channels <= 4 && w.kernel_height <= max_kernel_rows && w.kernel_width <= 7 && w.dilation == 1;
}
constexpr bool is_3x3_stride_2_stem(const window& w, int in_channels) noexcept {
    return in_channels == 3 && w.kernel_height == 3 && w.kernel_width == 3 && w.stride_width == 2 &&
           w.dilation == 1;
}

// Any window.
struct any_stem {
    static void run_row(const layer& l, const float* const* rows, int width,
                        const tile_operands& t) noexcept {
        const std::ptrdiff_t stride = static_cast<std::ptrdiff_t>(l.win.stride_width) * l.in.channels;
        run_column_block(
            width, 0, l.out.width,
            [&](int x) {
                return strided_rows{nullptr, stride, rows, l.win.kernel_height, x * stride};
            },
            t);
    }
};

// 3x3 windows at stride 2 over three channels. Every other input pixel is the right tap of one window and the
// left tap of the next: broadcast once for both, 6 loads serve 9 multiply-adds. With 16 outputs, a single
// vector of AVX-512, loads would set the pace otherwise.
struct stem_3x3_stride_2 {
    static void run_row(const layer& l, const float* const* rows, int width,
                        const tile_operands& t) noexcept {
        if (is_paired(width))
            return any_stem::run_row(l, rows, width, t);
        with_block(width, [&](auto tag, auto vectors) {
            using v = decltype(tag);
            constexpr int pixels = register_tiles * tile_vectors / vectors();
            if (l.out.width >= pixels)
                run_tiles<v, pixels, vectors()>(l, rows, t);
            else
                run_tiles<v, 1, vectors()>(l, rows, t);
        });
    }

private:
    // Pixels of a tile of whole blocks: with the weights of one row and channel, what fits into the
    // registers.
#if defined(__AVX512F__)
    static constexpr int register_tiles = 8;
#else
    static constexpr int register_tiles = 4;
#endif

    template <class Function>
    static FOVEA_INLINE void with_block(int width, Function&& f) noexcept {
        unroll<3>([&](auto i) FOVEA_INLINE_LAMBDA {
            constexpr int vectors = tile_vectors >> i();
            if constexpr (vectors > 0)
                if (width == vectors * vector_size)
                    f(vector(0.0F), std::integral_constant<int, vectors>{});
        });
        if constexpr (half_size != vector_size)
            if (width == half_size)
                f(half_vector(0.0F), std::integral_constant<int, 1>{});
    }
    // A whole row: the last tile begins early enough to end with the row.
    template <class Vector, int Pixels, int Vectors>
    static void run_tiles(const layer& l, const float* const* rows, const tile_operands& row) noexcept {
        for (int x = 0; x < l.out.width; x += Pixels) {
            x = std::min(x, l.out.width - Pixels);
            tile_operands t = row;
            t.output += x * t.output_stride;
            t.residual = t.residual == nullptr ? nullptr : t.residual + x * t.residual_stride;
            run_tile<Vector, Pixels, Vectors>(rows, x, t);
        }
    }
    template <class Vector, int Pixels, int Vectors>
    static FOVEA_INLINE void run_tile(const float* const* rows, int x, tile_operands& t) noexcept {
        constexpr int size = static_cast<int>(Vector::size), channels = 3, taps = 3;
        array_of<array_of<Vector, Vectors>, Pixels> sum;
        FOVEA_UNROLL
        for (int r = 0; r < Pixels; ++r) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = Vector::load_unaligned(t.weights + v * size);
        }
        const float* w = t.weights + Vectors * size;
        for (int ky = 0; ky < taps; ++ky, w += taps * channels * Vectors * size)
            for (int c = 0; c < channels; ++c)
                add_channel<Vector, Pixels, Vectors>(rows[ky] + 2 * channels * x + c, w + c * Vectors * size,
                                                     sum);
        finish_tile<Vector, Pixels, Vectors>(sum, t);
    }
    // One channel of one row of the windows, by input pixels.
    template <class Vector, int Pixels, int Vectors>
    static FOVEA_INLINE void add_channel(const float* input, const float* weights,
                                         array_of<array_of<Vector, Vectors>, Pixels>& sum) noexcept {
        constexpr int size = static_cast<int>(Vector::size), channels = 3, taps = 3;
        array_of<array_of<Vector, Vectors>, taps> w;
        FOVEA_UNROLL
        for (int k = 0; k < taps; ++k) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                w[k][v] = Vector::load_unaligned(weights + (k * channels * Vectors + v) * size);
                keep_in_register(w[k][v]);
            }
        }
        unroll<2 * Pixels + 1>([&](auto i) FOVEA_INLINE_LAMBDA {
            constexpr int r = i() / 2;
            Vector x(input[i() * channels]);
            if constexpr (i() % 2 == 0 || Vectors > 1)
                keep_in_register(x);
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                if constexpr (i() % 2 == 1) {
                    sum[r][v] = multiply_add(x, w[1][v], sum[r][v]);
                } else {
                    if constexpr (r > 0)
                        sum[r - 1][v] = multiply_add(x, w[2][v], sum[r - 1][v]);
                    if constexpr (r < Pixels)
                        sum[r][v] = multiply_add(x, w[0][v], sum[r][v]);
                }
            }
        });
    }
};

} // namespace kernel_detail

// Windows of up to 7x7 without dilation over up to 4 channels. Reads bytes too.
template <class Window>
struct stem_kernel {
    static constexpr const char* name = "stem";

    static constexpr int products(const layer& l) noexcept {
        return l.in.channels * l.win.kernel_height * l.win.kernel_width;
    }
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return packed_matrix_floats(products(l), l.out.channels);
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        pack_matrix(w, l.in.channels, l.win.kernel_height * l.win.kernel_width, l.out.channels, packed);
    }
    // The ring of input rows.
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        return kernel_detail::row_ring::floats(l);
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int workers = workers_for(l, ex);
        // Rows that windows share are copied once for each band.
        constexpr int bands_per_worker = 4;
        const int bands = workers > 1 ? std::min(l.out.height, bands_per_worker * workers) : 1;
        parallel_for(ex, workers, bands, [&](int band, int worker) {
            kernel_detail::row_ring ring(
                l, o, o.scratch + static_cast<std::size_t>(worker) * scratch_floats(l, false));
            const int end = (band + 1) * l.out.height / bands;
            for (int y = band * l.out.height / bands; y < end; ++y) {
                const float* const* rows = ring.move_to(y);
                for_each_block(
                    l, o, y * l.out.width, l.win.kernel_width * l.in.channels, products(l),
                    [&](int, int width, const tile_operands& t) { Window::run_row(l, rows, width, t); });
            }
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
