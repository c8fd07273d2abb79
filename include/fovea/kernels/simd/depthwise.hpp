// Depthwise convolutions: every channel on its own, vectorised over channels, several output pixels at a
// time.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/activation.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Output pixels side by side in one tile: each loaded input serves all the taps and pixels that it touches.
inline constexpr int depthwise_pixels = 4;

struct channel_range {
    int begin, end;
};

// The input under a tile whose window lies inside the map: one pointer and two strides.
struct inside_columns {
    const float* first;
    std::ptrdiff_t row_stride, pixel_stride;

    template <class Vector>
    FOVEA_INLINE Vector load(int ky, int x, int c) const noexcept {
        return Vector::load_unaligned(first + ky * row_stride + x * pixel_stride + c);
    }
};

// The input under a tile at an edge: a pointer a pixel, to zeros where the window leaves the map.
template <int Kernel, int Columns>
struct edge_columns {
    array_of<array_of<const float*, Columns>, Kernel> pixels;

    template <class Vector>
    FOVEA_INLINE Vector load(int ky, int x, int c) const noexcept {
        return Vector::load_unaligned(pixels[ky][x] + c);
    }
};

// Square windows of Kernel x Kernel taps, Stride in both directions, no dilation.
template <int Kernel, int Stride>
class depthwise_rows {
public:
    depthwise_rows(const layer& l, const operands& o) noexcept
        : l_(l), o_(o), padded_(padded_channels(l.out.channels)),
          zeros_(o.weights + static_cast<std::ptrdiff_t>(Kernel * Kernel + 1) * padded_) {}

    // Output rows [first, last), one block of channels after the other: the rows that a block's window slides
    // over stay in the nearest caches, and pixels are still read in long runs.
    void run(int first, int last) const noexcept {
        constexpr int cached_floats = 24576;
        const int fitting = cached_floats / (Kernel * l_.in.width) / vector_size * vector_size;
        const int block = std::max(vector_size, fitting);
        for (int c = 0; c < padded_; c += block)
            for (int y = first; y < last; ++y)
                run_row(y, {c, std::min(padded_, c + block)});
    }

private:
    template <int Pixels>
    static constexpr int columns() noexcept {
        return (Pixels - 1) * Stride + Kernel;
    }

    void run_row(int y, channel_range channels) const noexcept {
        const int width = l_.out.width;
        if (width < depthwise_pixels) {
            for (int x = 0; x < width; ++x)
                run_tile<1>(y, x, channels);
            return;
        }
        // The last tile may overlap the one before: the same numbers are computed and written again.
        for (int x = 0; x < width; x += depthwise_pixels)
            run_tile<depthwise_pixels>(y, std::min(x, width - depthwise_pixels), channels);
    }

    template <int Pixels>
    void run_tile(int y, int x, channel_range channels) const noexcept {
        const int top = y * Stride - l_.win.pad_top, left = x * Stride - l_.win.pad_left;
        // Single pixels belong to maps narrower than a tile, which are all edge.
        if constexpr (Pixels > 1) {
            if (top >= 0 && left >= 0 && top + Kernel <= l_.in.height &&
                left + columns<Pixels>() <= l_.in.width) {
                const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(l_.in.width) * l_.in.stride;
                return run_channels<Pixels>(inside_columns{pixel(top, left), row, l_.in.stride}, y, x,
                                            channels);
            }
        }
        edge_columns<Kernel, columns<Pixels>()> edge;
        for (int ky = 0; ky < Kernel; ++ky)
            for (int i = 0; i < columns<Pixels>(); ++i)
                edge.pixels[ky][i] = contains(top + ky, left + i) ? pixel(top + ky, left + i) : zeros_;
        run_channels<Pixels>(edge, y, x, channels);
    }
    bool contains(int y, int x) const noexcept {
        return y >= 0 && y < l_.in.height && x >= 0 && x < l_.in.width;
    }
    const float* pixel(int y, int x) const noexcept {
        return o_.input + (static_cast<std::ptrdiff_t>(y) * l_.in.width + x) * l_.in.stride;
    }

    // Everything that the inner loop needs is in local variables: stores through vector types may alias
    // members.
    template <int Pixels, class Input>
    FOVEA_INLINE void run_channels(const Input& input, int y, int x, channel_range channels) const noexcept {
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(y) * l_.out.width + x;
        const std::ptrdiff_t output_stride = l_.out.stride, padded = padded_;
        float* const output = o_.output + at * output_stride;
        const float* const residual = o_.residual == nullptr ? nullptr : o_.residual + at * padded;
        const float* const weights = o_.weights;
        with_inline_activation(l_.act, [&](auto activate) {
            for_each_vector(channels.begin, channels.end, [&](auto tag, int c) {
                using v = decltype(tag);
                array_of<v, Pixels> sum;
                accumulate<Pixels, v>(sum, input, weights + c, padded, c);
                FOVEA_UNROLL
                for (int p = 0; p < Pixels; ++p) {
                    if (residual != nullptr)
                        sum[p] += v::load_unaligned(residual + p * padded + c);
                    activate(sum[p]).store_unaligned(output + p * output_stride + c);
                }
            });
        });
        finish_activation(l_.act, output + channels.begin, output_stride, Pixels,
                          channels.end - channels.begin);
    }

    // Weights: bias, then one vector a tap, `padded` floats apart.
    template <int Pixels, class Vector, class Input>
    static FOVEA_INLINE void accumulate(array_of<Vector, Pixels>& sum, const Input& input,
                                        const float* weights, std::ptrdiff_t padded, int c) noexcept {
        const Vector bias = Vector::load_unaligned(weights);
        FOVEA_UNROLL
        for (int p = 0; p < Pixels; ++p)
            sum[p] = bias;
        for (int ky = 0; ky < Kernel; ++ky) {
            array_of<Vector, Kernel> weight;
            FOVEA_UNROLL
            for (int kx = 0; kx < Kernel; ++kx) {
                weight[kx] = Vector::load_unaligned(weights + (1 + ky * Kernel + kx) * padded);
                keep_in_register(weight[kx]);
            }
            unroll<columns<Pixels>()>([&](auto i) FOVEA_INLINE_LAMBDA {
                const Vector pixel = input.template load<Vector>(ky, i, c);
                unroll<Pixels>([&](auto p) FOVEA_INLINE_LAMBDA {
                    constexpr int tap = i - p * Stride;
                    if constexpr (tap >= 0 && tap < Kernel)
                        sum[p] = multiply_add(pixel, weight[tap], sum[p]);
                });
            });
        }
    }

    const layer& l_;
    const operands& o_;
    int padded_;
    const float* zeros_; // a pixel of zeros, behind the weights
};

} // namespace kernel_detail

// What every depthwise kernel shares: packing, and rows as tasks. Packed: bias [padded], [kh][kw][padded],
// zeros [padded].
template <class RunRow>
struct depthwise_base {
    static constexpr const char* name = "depthwise";

    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(l.win.kernel_height * l.win.kernel_width + 2) *
               static_cast<std::size_t>(padded_channels(l.out.channels));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const int taps = l.win.kernel_height * l.win.kernel_width;
        const int channels = l.out.channels, padded = padded_channels(channels);
        for (int c = 0; c < padded; ++c)
            *packed++ = c < channels ? w.bias[static_cast<std::size_t>(c)] : 0.0F;
        for (int tap = 0; tap < taps; ++tap)
            for (int c = 0; c < padded; ++c)
                *packed++ = c < channels ? w.weight[static_cast<std::size_t>(c * taps + tap)] : 0.0F;
        std::fill_n(packed, padded, 0.0F);
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        constexpr int tasks_per_worker = 4;
        const int workers = workers_for(l, ex);
        const int rows_per_task =
            workers > 1 ? std::max(1, l.out.height / (tasks_per_worker * workers)) : l.out.height;
        const RunRow rows(l, o);
        parallel_for(ex, workers, (l.out.height + rows_per_task - 1) / rows_per_task, [&](int task, int) {
            rows.run(task * rows_per_task, std::min(l.out.height, (task + 1) * rows_per_task));
        });
    }
};

template <int Kernel, int Stride>
using depthwise_kernel = depthwise_base<kernel_detail::depthwise_rows<Kernel, Stride>>;

FOVEA_ARCH_NAMESPACE_END
