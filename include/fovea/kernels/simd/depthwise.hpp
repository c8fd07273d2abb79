// Depthwise convolutions: every channel on its own, vectorised over channels, several output pixels at a
// time.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/activation.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The taps of one window that lie inside the input along one axis: [begin, end).
struct tap_range {
    int begin, end;

    // `first`: input coordinate under tap 0.
    constexpr tap_range(int first, int kernel, int dilation, int size) noexcept
        : begin(first >= 0 ? 0 : (-first + dilation - 1) / dilation),
          end(first >= size ? 0 : std::min(kernel, (size - 1 - first) / dilation + 1)) {}
};

// One output row of a depthwise convolution. Kernel and Stride are compile-time constants, or 0 for any.
template <int Kernel, int Stride>
class depthwise_row {
public:
    depthwise_row(const layer& l, const operands& o, int y) noexcept
        : l_(l), weights_(o.weights), stride_(l.in.stride),
          rows_(y * l.win.stride_height - l.win.pad_top, l.win.kernel_height, l.win.dilation, l.in.height),
          top_(y * l.win.stride_height - l.win.pad_top), input_(o.input),
          output_(o.output + static_cast<std::ptrdiff_t>(y) * l.out.width * l.out.stride),
          residual_(o.residual == nullptr ? nullptr
                                          : o.residual + static_cast<std::ptrdiff_t>(y) * l.out.width *
                                                             padded_channels(l.out.channels)) {}

    void run() const noexcept {
        const int first = std::min(l_.out.width, (l_.win.pad_left + step() - 1) / step());
        const int reach = (kernel() - 1) * l_.win.dilation + 1;
        const int fitting = l_.in.width + l_.win.pad_left - reach;
        const int last = std::max(first, fitting < 0 ? 0 : std::min(l_.out.width, fitting / step() + 1));
        int x = 0;
        for (; x < first; ++x)
            run_pixels<1, true>(x);
        for (; x + pixels <= last; x += pixels)
            run_pixels<pixels, false>(x);
        for (; x < last; ++x)
            run_pixels<1, false>(x);
        for (; x < l_.out.width; ++x)
            run_pixels<1, true>(x);
    }

private:
    static constexpr int pixels = 4;

    int kernel() const noexcept { return Kernel > 0 ? Kernel : l_.win.kernel_width; }
    int step() const noexcept { return Stride > 0 ? Stride : l_.win.stride_width; }

    // Count output pixels from x on, all channels. Clipped: the window may reach outside the row.
    template <int Count, bool Clipped>
    void run_pixels(int x) const noexcept {
        const int left = x * step() - l_.win.pad_left;
        const tap_range columns = Clipped ? tap_range(left, kernel(), l_.win.dilation, l_.in.width)
                                          : tap_range(0, kernel(), 1, kernel());
        for_each_vector(padded_channels(l_.out.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            array_of<v, Count> sum;
            accumulate<Count, Clipped, v>(sum, left, columns, c);
            finish<Count, v>(sum, x, c);
        });
    }

    template <int Count, bool Clipped, class Vector>
    FOVEA_INLINE void accumulate(array_of<Vector, Count>& sum, int left, tap_range columns,
                                 int c) const noexcept {
        const int padded = padded_channels(l_.out.channels);
        const Vector bias = Vector::load_unaligned(weights_ + c);
        FOVEA_UNROLL
        for (int p = 0; p < Count; ++p)
            sum[p] = bias;
        const std::ptrdiff_t tap_stride = static_cast<std::ptrdiff_t>(l_.win.dilation) * stride_;
        const std::ptrdiff_t pixel_stride = static_cast<std::ptrdiff_t>(step()) * stride_;
        for (int ky = rows_.begin; ky < rows_.end; ++ky) {
            const float* row =
                input_ +
                (static_cast<std::ptrdiff_t>(top_ + ky * l_.win.dilation) * l_.in.width + left) * stride_ + c;
            const float* w = weights_ + static_cast<std::ptrdiff_t>(1 + ky * kernel()) * padded + c;
            const auto tap = [&](int kx) {
                const Vector weight = Vector::load_unaligned(w + static_cast<std::ptrdiff_t>(kx) * padded);
                FOVEA_UNROLL
                for (int p = 0; p < Count; ++p)
                    sum[p] = multiply_add(Vector::load_unaligned(row + kx * tap_stride + p * pixel_stride),
                                          weight, sum[p]);
            };
            if constexpr (Clipped || Kernel == 0) {
                for (int kx = columns.begin; kx < columns.end; ++kx)
                    tap(kx);
            } else {
                FOVEA_UNROLL
                for (int kx = 0; kx < Kernel; ++kx)
                    tap(kx);
            }
        }
    }

    template <int Count, class Vector>
    FOVEA_INLINE void finish(array_of<Vector, Count>& sum, int x, int c) const noexcept {
        if (residual_ != nullptr)
            for (int p = 0; p < Count; ++p)
                sum[p] += Vector::load_unaligned(
                    residual_ + static_cast<std::ptrdiff_t>(x + p) * padded_channels(l_.out.channels) + c);
        with_cheap_activation(l_.act, [&](auto activate) {
            FOVEA_UNROLL
            for (int p = 0; p < Count; ++p)
                sum[p] = activate(sum[p]);
        });
        float* out = output_ + static_cast<std::ptrdiff_t>(x) * l_.out.stride + c;
        FOVEA_UNROLL
        for (int p = 0; p < Count; ++p)
            sum[p].store_unaligned(out + static_cast<std::ptrdiff_t>(p) * l_.out.stride);
        finish_activation(l_.act, out, l_.out.stride, Count, static_cast<int>(Vector::size));
    }

    const layer& l_;
    const float* weights_; // bias [padded], then [kh][kw][padded]
    std::ptrdiff_t stride_;
    tap_range rows_;
    int top_; // input row under tap 0
    const float* input_;
    float* output_;
    const float* residual_;
};

} // namespace kernel_detail

// Kernel x Kernel taps, Stride in both directions; zeros: any. The output's stride is its padded channels.
template <int Kernel, int Stride>
struct depthwise_kernel {
    static constexpr const char* name = "depthwise";

    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(l.win.kernel_height * l.win.kernel_width + 1) *
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
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int rows_per_task =
            ex.concurrency() > 1 ? std::max(1, l.out.height / (4 * ex.concurrency())) : l.out.height;
        parallel_for(ex, (l.out.height + rows_per_task - 1) / rows_per_task, [&](int task, int) {
            const int last = std::min(l.out.height, (task + 1) * rows_per_task);
            for (int y = task * rows_per_task; y < last; ++y)
                kernel_detail::depthwise_row<Kernel, Stride>(l, o, y).run();
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
