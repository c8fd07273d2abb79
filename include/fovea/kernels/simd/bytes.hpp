// Bytes to floats: an image's pixels scaled as the network's first kernel reads them.
#pragma once

#include <fovea/kernels/pixel_scaling.hpp>
#include <fovea/kernels/simd/vector.hpp>

#include <algorithm>
#include <cstdint>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// xsimd 8 converts bytes through a buffer, which takes four times as long.
FOVEA_INLINE vector load_bytes(const std::uint8_t* bytes) noexcept {
#if defined(__AVX512F__)
    constexpr __mmask16 all = 0xFFFF; // the forms without a mask make g++ 12 warn of an undefined operand
    const __m128i eight = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bytes));
    return vector(_mm512_maskz_cvtepi32_ps(all, _mm512_maskz_cvtepu8_epi32(all, eight)));
#elif defined(__AVX2__)
    const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes));
    return vector(_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(eight)));
#else
    return vector::load_unaligned(bytes);
#endif
}

} // namespace kernel_detail

// Scales interleaved pixels of up to 4 channels.
class pixel_scaler {
public:
    pixel_scaler(const pixel_scaling& s, int channels) noexcept : period_(channels * vector_size) {
        for (int i = 0; i < period_; ++i) {
            scale_[i] = s.scale[static_cast<std::size_t>(i % channels)];
            shift_[i] = s.shift[static_cast<std::size_t>(i % channels)];
        }
    }
    // `count` numbers, beginning with a pixel's first channel.
    void operator()(const std::uint8_t* bytes, int count, float* out) const noexcept {
        int phase = 0, i = 0;
        for (; i + vector_size <= count; i += vector_size) {
            scaled(bytes + i, phase).store_unaligned(out + i);
            phase = phase + vector_size == period_ ? 0 : phase + vector_size;
        }
        array_of<std::uint8_t, vector_size> last{};
        array_of<float, vector_size> floats;
        std::copy_n(bytes + i, count - i, last);
        scaled(last, phase).store_unaligned(floats);
        std::copy_n(floats, count - i, out + i);
    }

private:
    vector scaled(const std::uint8_t* bytes, int phase) const noexcept {
        return multiply_add(kernel_detail::load_bytes(bytes), vector::load_unaligned(scale_ + phase),
                            vector::load_unaligned(shift_ + phase));
    }

    int period_; // the channels repeat after as many vectors as there are channels
    array_of<float, 4 * vector_size> scale_, shift_;
};

FOVEA_ARCH_NAMESPACE_END
