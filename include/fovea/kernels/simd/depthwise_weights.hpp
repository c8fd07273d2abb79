// How the weights of every depthwise convolution are packed.
#pragma once

#include <fovea/kernels/layer.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// Bias [padded channels], then [kh][kw][padded channels].
struct depthwise_weights {
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
};

FOVEA_ARCH_NAMESPACE_END
