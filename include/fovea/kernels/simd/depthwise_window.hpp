// The inner loop of depthwise convolutions: one row of output pixels, one vector of channels.
#pragma once

#include <fovea/kernels/simd/activation.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Input pixels under `pixels` outputs side by side.
constexpr int columns_under(int pixels, int kernel, int stride) noexcept {
    return (pixels - 1) * stride + kernel;
}

// How the loop keeps its operands in registers: the nine weights of 3x3 for the whole row; of 5x5 one row of
// weights at a time, which more pixels must then pay for.
template <int Kernel>
struct depthwise_tiling {
    static constexpr bool holds_weights = Kernel <= 3;
    static constexpr int pixels = holds_weights ? 4 : 7;
};

// The rows under a window, padded: pixel after pixel, vector_size floats each.
template <int Kernel>
using window_rows_of = array_of<const float*, Kernel>;

// One row of output pixels for one vector of channels.
template <int Kernel, int Stride, class Vector>
class depthwise_row {
public:
    // `weights`: the vector's, as depthwise_weights packs them.
    FOVEA_INLINE depthwise_row(const float* weights, activation act) noexcept
        : weights_(weights), bias_(Vector::load_unaligned(weights)), activate_(act) {
        keep_in_register(bias_);
        if constexpr (tiling::holds_weights)
            unroll<Kernel>([&](auto ky) FOVEA_INLINE_LAMBDA { load_weights(ky, held_[ky]); });
    }

    // The last tile may overlap the one before: the same numbers are computed and written again.
    FOVEA_INLINE void run(const window_rows_of<Kernel>& rows, float* output, std::ptrdiff_t output_stride,
                          int width) const noexcept {
        constexpr int pixels = tiling::pixels;
        if (width >= pixels)
            for (int x = 0; x < width; x += pixels)
                run_tile<pixels>(rows, std::min(x, width - pixels), output, output_stride);
        else
            for (int x = 0; x < width; ++x)
                run_tile<1>(rows, x, output, output_stride);
    }

private:
    using tiling = depthwise_tiling<Kernel>;
    static constexpr int size = static_cast<int>(Vector::size);

    FOVEA_INLINE void load_weights(int ky, array_of<Vector, Kernel>& row) const noexcept {
        unroll<Kernel>([&](auto kx) FOVEA_INLINE_LAMBDA {
            row[kx] = Vector::load_unaligned(weights_ + (1 + ky * Kernel + kx) * size);
            keep_in_register(row[kx]);
        });
    }
    template <int Pixels>
    FOVEA_INLINE void run_tile(const window_rows_of<Kernel>& rows, int x, float* output,
                               std::ptrdiff_t output_stride) const noexcept {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(x) * Stride * vector_size;
        array_of<Vector, Pixels> sum;
        FOVEA_UNROLL
        for (int p = 0; p < Pixels; ++p)
            sum[p] = bias_;
        unroll<Kernel>([&](auto ky) FOVEA_INLINE_LAMBDA {
            if constexpr (tiling::holds_weights) {
                accumulate<Pixels>(sum, rows[ky] + at, held_[ky]);
            } else {
                array_of<Vector, Kernel> weights;
                load_weights(ky, weights);
                accumulate<Pixels>(sum, rows[ky] + at, weights);
            }
        });
        activate_.template apply<Pixels>(sum);
        FOVEA_UNROLL
        for (int p = 0; p < Pixels; ++p)
            sum[p].store_unaligned(output + (x + p) * output_stride);
    }
    // Each input vector serves all the taps and pixels that it touches.
    template <int Pixels>
    static FOVEA_INLINE void accumulate(array_of<Vector, Pixels>& sum, const float* input,
                                        const array_of<Vector, Kernel>& weights) noexcept {
        unroll<columns_under(Pixels, Kernel, Stride)>([&](auto i) FOVEA_INLINE_LAMBDA {
            constexpr int first = std::max(0, (i - Kernel + Stride) / Stride);
            constexpr int last = std::min(Pixels - 1, i / Stride);
            const Vector pixel = Vector::load_unaligned(input + i * vector_size);
            unroll<last - first + 1>([&](auto n) FOVEA_INLINE_LAMBDA {
                constexpr int p = first + n;
                sum[p] = multiply_add(pixel, weights[i - p * Stride], sum[p]);
            });
        });
    }

    const float* weights_;
    Vector bias_;
    inline_activation<Vector> activate_;
    array_of<array_of<Vector, Kernel>, tiling::holds_weights ? Kernel : 1> held_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
