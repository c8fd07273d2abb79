// What is left when nothing could be fused: activation, addition, gate and copy over a map.
#pragma once

#include <fovea/kernels/simd/activation.hpp>
#include <fovea/kernels/simd/map_rows.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = act(input * gate + residual); gate and residual where given. Maps of one shape, padded strides.
struct elementwise_kernel {
    static constexpr const char* name = "elementwise";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int padded = padded_channels(l.out.channels);
        // A gate begins anew with every pixel; without one a row is as good as one long pixel.
        const int spans = o.gate == nullptr ? 1 : l.out.width;
        const int length = l.out.width / spans * padded;
        for_each_output_row(l, ex, [&](int y, int) {
            std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(y) * l.out.width * padded;
            for (int i = 0; i < spans; ++i, offset += length)
                run_span(l, o, offset, length);
        });
    }

private:
    static void run_span(const layer& l, const operands& o, std::ptrdiff_t offset, int length) noexcept {
        kernel_detail::with_inline_activation(l.act, [&](auto activate) {
            for_each_vector(0, length, [&](auto tag, int c) {
                using v = decltype(tag);
                v value = v::load_unaligned(o.input + offset + c);
                if (o.gate != nullptr)
                    value *= v::load_unaligned(o.gate + c);
                if (o.residual != nullptr)
                    value += v::load_unaligned(o.residual + offset + c);
                activate(value).store_unaligned(o.output + offset + c);
            });
        });
        finish_activation(l.act, o.output + offset, 0, 1, length);
    }
};

// From one stride to another: a value that is also an output, or an input that needs padding. Padding becomes
// zero.
struct copy_kernel {
    static constexpr const char* name = "copy";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor&) noexcept {
        for (std::ptrdiff_t p = 0; p < l.out.pixels(); ++p) {
            std::copy_n(o.input + p * l.in.stride, l.out.channels, o.output + p * l.out.stride);
            std::fill_n(o.output + p * l.out.stride + l.out.channels, l.out.stride - l.out.channels, 0.0F);
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
