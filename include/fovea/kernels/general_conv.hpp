// The convolution of last resort: any groups, any window, plain loops. Grouped convolutions that are not
// depthwise, and windows of more than 64 taps, run here.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/activation.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

struct general_conv_kernel {
    static constexpr const char* name = "general_conv";

    // As the reference has them: weight [out, in / groups, kh, kw], then bias [out].
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(l.out.channels) * static_cast<std::size_t>(1 + products(l));
    }
    static void pack(const layer&, const folded_weights& w, float* packed) {
        for (float x : w.weight)
            *packed++ = x;
        for (float x : w.bias)
            *packed++ = x;
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        parallel_for(ex, workers_for(l, ex), l.out.height, [&](int y, int) {
            for (int x = 0; x < l.out.width; ++x)
                for (int c = 0; c < l.out.channels; ++c)
                    run_element(l, o, y, x, c);
        });
    }

private:
    static constexpr int products(const layer& l) noexcept {
        return l.in.channels / l.groups * l.win.kernel_height * l.win.kernel_width;
    }
    static void run_element(const layer& l, const operands& o, int y, int x, int c) noexcept {
        const window& w = l.win;
        const int members = l.in.channels / l.groups;
        const float* weight = o.weights + static_cast<std::ptrdiff_t>(c) * products(l);
        const float* input = o.input + static_cast<std::ptrdiff_t>(c / (l.out.channels / l.groups)) * members;
        float sum = o.weights[static_cast<std::ptrdiff_t>(l.out.channels) * products(l) + c];
        for (int ky = 0; ky < w.kernel_height; ++ky)
            for (int kx = 0; kx < w.kernel_width; ++kx) {
                const int iy = y * w.stride_height - w.pad_top + ky * w.dilation;
                const int ix = x * w.stride_width - w.pad_left + kx * w.dilation;
                if (iy < 0 || iy >= l.in.height || ix < 0 || ix >= l.in.width)
                    continue;
                const float* pixel =
                    input + (static_cast<std::ptrdiff_t>(iy) * l.in.width + ix) * l.in.stride;
                for (int m = 0; m < members; ++m)
                    sum += pixel[m] * weight[(m * w.kernel_height + ky) * w.kernel_width + kx];
            }
        const std::ptrdiff_t at = static_cast<std::ptrdiff_t>(y) * l.out.width + x;
        if (o.residual != nullptr)
            sum += o.residual[at * padded_channels(l.out.channels) + c];
        o.output[at * l.out.stride + c] = activate(l.act, sum);
    }
};

FOVEA_ARCH_NAMESPACE_END
