// What is left when nothing could be fused: activation, addition, gate and copy over a map.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/activation.hpp>

#include <algorithm>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = act(input * gate + residual); gate and residual where given. Maps of one shape, padded strides.
struct elementwise_kernel {
    static constexpr const char* name = "elementwise";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        parallel_for(ex, workers_for(l, ex), l.out.height, [&](int y, int) {
            for (int x = 0; x < l.out.width; ++x)
                run_pixel(l, o,
                          (static_cast<std::ptrdiff_t>(y) * l.out.width + x) *
                              padded_channels(l.out.channels));
        });
    }

private:
    static void run_pixel(const layer& l, const operands& o, std::ptrdiff_t offset) noexcept {
        for_each_vector(0, padded_channels(l.out.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            v value = v::load_unaligned(o.input + offset + c);
            if (o.gate != nullptr)
                value *= v::load_unaligned(o.gate + c);
            if (o.residual != nullptr)
                value += v::load_unaligned(o.residual + offset + c);
            kernel_detail::with_inline_activation(l.act, [&](auto activate) { value = activate(value); });
            value.store_unaligned(o.output + offset + c);
        });
        finish_activation(l.act, o.output + offset, 0, 1, l.out.channels);
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
