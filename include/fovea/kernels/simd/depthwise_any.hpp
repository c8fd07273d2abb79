// Depthwise convolutions with any window, stride and dilation: one output pixel at a time. Dilated
// MobileNets, batch-norm on its own and custom tables run here.
#pragma once

#include <fovea/kernels/simd/activation.hpp>
#include <fovea/kernels/simd/depthwise_weights.hpp>
#include <fovea/kernels/simd/tap_range.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

class depthwise_any_rows {
public:
    depthwise_any_rows(const layer& l, const operands& o) noexcept
        : l_(l), o_(o), padded_(padded_channels(l.out.channels)) {}

    // Output rows [first, last).
    void run(int first, int last) const noexcept {
        for (int y = first; y < last; ++y)
            for (int x = 0; x < l_.out.width; ++x)
                run_pixel(y, x);
    }

private:
    void run_pixel(int y, int x) const noexcept {
        const window& w = l_.win;
        const int top = y * w.stride_height - w.pad_top, left = x * w.stride_width - w.pad_left;
        const tap_range rows(top, w.kernel_height, w.dilation, l_.in.height);
        const tap_range columns(left, w.kernel_width, w.dilation, l_.in.width);
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(y) * l_.out.width + x;
        float* output = o_.output + at * l_.out.stride;
        with_inline_activation(l_.act, [&](auto activate) {
            for_each_vector(0, padded_, [&](auto tag, int c) {
                using v = decltype(tag);
                const float* weights =
                    o_.weights + depthwise_weights::offset(w.kernel_height * w.kernel_width, c);
                v sum = v::load_unaligned(weights);
                for (int ky = rows.begin; ky < rows.end; ++ky)
                    for (int kx = columns.begin; kx < columns.end; ++kx) {
                        const std::ptrdiff_t pixel =
                            static_cast<std::ptrdiff_t>(top + ky * w.dilation) * l_.in.width + left +
                            kx * w.dilation;
                        const int tap = 1 + ky * w.kernel_width + kx;
                        sum = multiply_add(v::load_unaligned(o_.input + pixel * l_.in.stride + c),
                                           v::load_unaligned(weights + tap * static_cast<int>(v::size)), sum);
                    }
                if (o_.residual != nullptr)
                    sum += v::load_unaligned(o_.residual + at * padded_ + c);
                activate(sum).store_unaligned(output + c);
            });
        });
        finish_activation(l_.act, output, 0, 1, padded_);
    }

    const layer& l_;
    const operands& o_;
    int padded_;
};

} // namespace kernel_detail

struct depthwise_any_kernel : depthwise_weights {
    static constexpr const char* name = "depthwise_any";

    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const kernel_detail::depthwise_any_rows rows(l, o);
        parallel_for(ex, workers_for(l, ex), l.out.height, [&](int y, int) { rows.run(y, y + 1); });
    }
};

FOVEA_ARCH_NAMESPACE_END
