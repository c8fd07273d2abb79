// How the weights of every depthwise convolution are packed.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// One vector of channels after the other, the last one perhaps a half: its bias, then a vector for each tap.
struct depthwise_weights {
    // Where the weights of the vector that begins with channel `c` begin.
    static constexpr std::ptrdiff_t offset(int taps, int c) noexcept {
        return static_cast<std::ptrdiff_t>(taps + 1) * c;
    }
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(offset(taps_of(l), padded_channels(l.out.channels)));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const int taps = taps_of(l), channels = l.out.channels;
        for_each_vector(0, padded_channels(channels), [&](auto tag, int first) {
            const int last = first + static_cast<int>(decltype(tag)::size);
            for (int c = first; c < last; ++c)
                *packed++ = c < channels ? w.bias[static_cast<std::size_t>(c)] : 0.0F;
            for (int tap = 0; tap < taps; ++tap)
                for (int c = first; c < last; ++c)
                    *packed++ = c < channels ? w.weight[static_cast<std::size_t>(c * taps + tap)] : 0.0F;
        });
    }

private:
    static constexpr int taps_of(const layer& l) noexcept { return l.win.kernel_height * l.win.kernel_width; }
};

FOVEA_ARCH_NAMESPACE_END
