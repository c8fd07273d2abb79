// Pooling with a sliding window: the largest value or the mean under each position.
#pragma once

#include <fovea/kernels/simd/map_rows.hpp>
#include <fovea/kernels/simd/tap_range.hpp>
#include <fovea/kernels/simd/vector.hpp>

#include <limits>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The window of output pixel (y, x).
struct pool_window {
    tap_range rows, columns;
    int top, left; // input coordinates under the first tap
    int padding;   // taps that find a zero of the padding

    pool_window(const layer& l, int y, int x) noexcept
        : rows(y * l.win.stride_height - l.win.pad_top, l.win.kernel_height, l.win.dilation, l.in.height),
          columns(x * l.win.stride_width - l.win.pad_left, l.win.kernel_width, l.win.dilation, l.in.width),
          top(y * l.win.stride_height - l.win.pad_top), left(x * l.win.stride_width - l.win.pad_left),
          padding(0) {
        if (l.border == pool_border::zero) {
            const window& w = l.win; // a partial window of ceil mode ends with the padded input
            const tap_range all_rows(top + w.pad_top, w.kernel_height, w.dilation,
                                     l.in.height + w.pad_top + w.pad_bottom);
            const tap_range all_columns(left + w.pad_left, w.kernel_width, w.dilation,
                                        l.in.width + w.pad_left + w.pad_right);
            padding = all_rows.count() * all_columns.count() - taps();
        }
    }
    constexpr int taps() const noexcept { return rows.count() * columns.count(); }
};

// The larger number; not-a-number stays, as in torch.
template <class Vector>
FOVEA_INLINE Vector larger_of(Vector a, Vector b) noexcept {
    return xsimd::select((b > a) | xsimd::isnan(b), b, a);
}

struct max_pooling {
    static constexpr const char* name = "max_pool";

    template <class Vector>
    static FOVEA_INLINE Vector begin() noexcept {
        return Vector(-std::numeric_limits<float>::infinity());
    }
    template <class Vector>
    static FOVEA_INLINE Vector take(Vector largest, Vector x) noexcept {
        return larger_of(largest, x);
    }
    template <class Vector>
    static FOVEA_INLINE Vector end(Vector largest, const pool_window& w) noexcept {
        return w.padding > 0 ? larger_of(largest, Vector(0.0F)) : largest;
    }
};

struct average_pooling {
    static constexpr const char* name = "avg_pool";

    template <class Vector>
    static FOVEA_INLINE Vector begin() noexcept {
        return Vector(0.0F);
    }
    template <class Vector>
    static FOVEA_INLINE Vector take(Vector sum, Vector x) noexcept {
        return sum + x;
    }
    template <class Vector>
    static FOVEA_INLINE Vector end(Vector sum, const pool_window& w) noexcept {
        return divide(sum, Vector(static_cast<float>(w.taps() + w.padding)));
    }
};

} // namespace kernel_detail

// Pooling is max_pooling or average_pooling.
template <class Pooling>
struct window_pool_kernel {
    static constexpr const char* name = Pooling::name;

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        for_each_output_row(l, ex, [&](int y, int) {
            for (int x = 0; x < l.out.width; ++x)
                run_pixel(l, o, y, x);
        });
    }

private:
    static void run_pixel(const layer& l, const operands& o, int y, int x) noexcept {
        const kernel_detail::pool_window w(l, y, x);
        float* output = o.output + (static_cast<std::ptrdiff_t>(y) * l.out.width + x) * l.out.stride;
        constexpr int vectors = 4; // side by side, so that finding the taps costs a quarter
        const int padded = padded_channels(l.out.channels);
        int c = 0;
        for (; c + vectors * vector_size <= padded; c += vectors * vector_size)
            run_channels<vector, vectors>(l, w, o.input + c, output + c);
        for_each_vector(c, padded, [&](auto tag, int at) {
            run_channels<decltype(tag), 1>(l, w, o.input + at, output + at);
        });
    }

    template <class Vector, int Vectors>
    static FOVEA_INLINE void run_channels(const layer& l, const kernel_detail::pool_window& w,
                                          const float* input, float* output) noexcept {
        constexpr int size = static_cast<int>(Vector::size);
        const std::ptrdiff_t step = static_cast<std::ptrdiff_t>(l.win.dilation) * l.in.stride;
        array_of<Vector, Vectors> result;
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            result[v] = Pooling::template begin<Vector>();
        for (int ky = w.rows.begin; ky < w.rows.end; ++ky) {
            const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(w.top + ky * l.win.dilation) * l.in.width;
            const float* tap = input + (row + w.left) * l.in.stride + w.columns.begin * step;
            for (int kx = w.columns.begin; kx < w.columns.end; ++kx, tap += step) {
                FOVEA_UNROLL
                for (int v = 0; v < Vectors; ++v)
                    result[v] = Pooling::take(result[v], Vector::load_unaligned(tap + v * size));
            }
        }
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            Pooling::end(result[v], w).store_unaligned(output + v * size);
    }
};

FOVEA_ARCH_NAMESPACE_END
