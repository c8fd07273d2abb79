// Pooling over a whole map.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// The mean of each channel over all pixels. Four sums run side by side, so that additions do not wait for
// each other and rounding errors grow with a quarter of the pixels.
struct global_average_pool_kernel {
    static constexpr const char* name = "global_average_pool";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor&) noexcept {
        const int pixels = l.in.pixels();
        const float scale = 1.0F / static_cast<float>(pixels);
        for_each_vector(0, padded_channels(l.in.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            constexpr int sums = 4;
            v sum[sums] = {v(0.0F), v(0.0F), v(0.0F), v(0.0F)};
            const auto pixel = [&](int p) {
                return v::load_unaligned(o.input + static_cast<std::ptrdiff_t>(p) * l.in.stride + c);
            };
            int p = 0;
            for (; p + sums <= pixels; p += sums)
                FOVEA_UNROLL
            for (int i = 0; i < sums; ++i)
                sum[i] += pixel(p + i);
            for (; p < pixels; ++p)
                sum[0] += pixel(p);
            (((sum[0] + sum[1]) + (sum[2] + sum[3])) * v(scale)).store_unaligned(o.output + c);
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
