// box_coder::decode() and clip() as one vector of the four corners' coordinates: what decoders run.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/box_coder.hpp>

#include <cstring>

FOVEA_ARCH_NAMESPACE_BEGIN

class corner_decoder {
public:
    explicit corner_decoder(const box_coder& coder) noexcept
        : shift_weights_{coder.wx, coder.wy, coder.wx, coder.wy}, scale_weights_{coder.ww, coder.wh, coder.ww,
                                                                                 coder.wh},
          max_log_scale_(coder.max_log_scale) {}

    // clip(coder.decode(offsets, anchor), image), but for the last bits of exp. `offsets` are dx, dy, dw, dh.
    box decode(const float* offsets, const box& anchor, spatial_size image) const noexcept {
        const four low = pair(&anchor.x1), size = pair(&anchor.x2) - low; // w, h, w, h
        const four zero(0.0F), half{-0.5F, -0.5F, 0.5F, 0.5F};
        const four right{static_cast<float>(image.width), static_cast<float>(image.height),
                         static_cast<float>(image.width), static_cast<float>(image.height)};
        const four shift = rounded(pair(offsets) / shift_weights_ * size);
        const four log_scale = xsimd::min(max_log_scale_, pair(offsets + 2) / scale_weights_);
        const four scaled = rounded(xsimd::exp(log_scale) * size);
        const four corners = shift + (low + four(0.5F) * size) + half * scaled;
        // The constant comes first in min and max: on x86 the second operand is what a NaN gives.
        const four inside = xsimd::min(right, xsimd::max(zero, corners));
        float c[4];
        inside.store_unaligned(c);
        return {c[0], c[1], c[2], c[3]};
    }

private:
    using four = xsimd::make_sized_batch_t<float, 4>;
    using two_doubles = xsimd::batch<double, four::arch_type>;

    // p[0], p[1], p[0], p[1].
    static four pair(const float* p) noexcept {
        double both = 0;
        std::memcpy(&both, p, sizeof both);
        return xsimd::bitwise_cast<four>(two_doubles(both));
    }
    // As fovea::rounded().
    static four rounded(four value) noexcept {
#if defined(__x86_64__)
        asm("" : "+x"(value.data));
#elif defined(__aarch64__)
        asm("" : "+w"(value.data));
#endif
        return value;
    }

    four shift_weights_, scale_weights_, max_log_scale_;
};

FOVEA_ARCH_NAMESPACE_END
