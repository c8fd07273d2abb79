// Mean and variance of channels over a map's pixels: what group-norm and, in training, batch-norm normalise
// by.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/vector.hpp>

#include <algorithm>

namespace fovea::detail {

// A map's pixels in chunks of similar size, each a task of its own. They follow from the map alone, so that
// sums over chunks are the same for any number of workers.
class pixel_chunks {
public:
    constexpr explicit pixel_chunks(const map_layout& m) noexcept
        : pixels_(m.pixels()),
          count_(
              std::max(1, std::min(pixels_ / least_pixels,
                                   static_cast<int>(std::min<std::int64_t>(
                                       static_cast<std::int64_t>(pixels_) * m.stride / floats, 1 << 20))))) {}

    constexpr int count() const noexcept { return count_; }
    // The first pixel of a chunk, or behind the last chunk.
    constexpr int begin(int chunk) const noexcept {
        return static_cast<int>(static_cast<std::int64_t>(pixels_) * chunk / count_);
    }
    constexpr int size(int chunk) const noexcept { return begin(chunk + 1) - begin(chunk); }

private:
    static constexpr int floats = 16384;    // of a chunk, about: half of an L1 cache, and some microseconds
    static constexpr int least_pixels = 32; // so that a chunk's sums are few numbers beside it

    int pixels_, count_;
};

// Count, mean and sum of squared deviations of numbers, joined part by part (Chan, Golub and LeVeque 1979).
struct moments {
    double count = 0, mean = 0, squares = 0;

    constexpr void add(double part_count, double part_mean, double part_squares) noexcept {
        const double all = count + part_count, share = part_count / all, difference = part_mean - mean;
        mean += difference * share;
        squares += part_squares + difference * difference * count * share;
        count = all;
    }
    // Of all numbers (not of a sample).
    constexpr double variance() const noexcept { return squares / count; }
};

} // namespace fovea::detail

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// f(vector tag, pixels constant, offset of a pixel's vector, channel) over `pixels` pixels of padded
// channels, Pixels of them side by side, so that what belongs to a channel is loaded once for all.
template <int Pixels, class Function>
FOVEA_INLINE void for_each_pixel_block(int pixels, int stride, Function&& f) noexcept {
    int p = 0;
    for (; p + Pixels <= pixels; p += Pixels)
        for_each_vector(0, stride, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
            f(tag, std::integral_constant<int, Pixels>{}, static_cast<std::ptrdiff_t>(p) * stride + c, c);
        });
    for (; p < pixels; ++p)
        for_each_vector(0, stride, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
            f(tag, std::integral_constant<int, 1>{}, static_cast<std::ptrdiff_t>(p) * stride + c, c);
        });
}

// The sum of N vectors, in pairs.
template <class Vector, int N>
FOVEA_INLINE Vector sum_of(const array_of<Vector, N>& x) noexcept {
    array_of<Vector, N> sum;
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        sum[i] = x[i];
    FOVEA_UNROLL
    for (int half = N / 2; half > 0; half /= 2)
        FOVEA_UNROLL
    for (int i = 0; i < half; ++i)
        sum[i] = sum[i] + sum[i + half];
    return sum[0];
}

// Mean and sum of squared deviations of each channel over `pixels` pixels. One pass, over distances from the
// first pixel: it is one of the numbers, so that at worst its own distance from the mean costs a factor of
// `pixels` in precision, however far the mean is from zero. mean, squares: [stride]; memory that nothing else
// reads.
inline void channel_moments(const float* x, int pixels, int stride, float* mean, float* squares) noexcept {
    std::fill_n(mean, stride, 0.0F);
    std::fill_n(squares, stride, 0.0F);
    for_each_pixel_block<8>(
        pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            constexpr int count = n;
            const v first = v::load_unaligned(x + c);
            array_of<v, count> distance;
            v square = v::load_unaligned(squares + c);
            FOVEA_UNROLL
            for (int i = 0; i < count; ++i) {
                distance[i] = v::load_unaligned(x + at + i * stride) - first;
                square = multiply_add(distance[i], distance[i], square);
            }
            (v::load_unaligned(mean + c) + sum_of<v, count>(distance)).store_unaligned(mean + c);
            square.store_unaligned(squares + c);
        });
    const float part = 1.0F / static_cast<float>(pixels);
    for_each_vector(0, stride, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
        using v = decltype(tag);
        const v sum = v::load_unaligned(mean + c), distance = sum * v(part);
        const v square = v::load_unaligned(squares + c) - sum * distance;
        (v::load_unaligned(x + c) + distance).store_unaligned(mean + c);
        // As in clamp(): not-a-number survives.
        xsimd::max(v(0.0F), square).store_unaligned(squares + c);
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
