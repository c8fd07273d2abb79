// From vectors to numbers, where xsimd 8 has no word for it.
#pragma once

#include <fovea/arch.hpp>

#include <algorithm>
#include <cstdint>

FOVEA_ARCH_NAMESPACE_BEGIN

// Bit i tells whether lane i is true.
inline std::uint64_t lane_bits(const xsimd::batch_bool<float, simd_arch>& lanes) noexcept {
#if defined(__AVX512F__)
    return lanes.data;
#elif defined(__AVX2__)
    return static_cast<std::uint32_t>(_mm256_movemask_ps(lanes.data));
#elif defined(__SSE2__)
    return static_cast<std::uint32_t>(_mm_movemask_ps(lanes.data));
#else
    return vaddvq_u32(vandq_u32(lanes.data, uint32x4_t{1, 2, 4, 8}));
#endif
}

// True for the first `count` lanes.
inline xsimd::batch_bool<float, simd_arch> first_lanes(std::size_t count) noexcept {
    using batch = xsimd::batch<float, simd_arch>;
    static constexpr float numbers[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    static_assert(batch::size <= 16);
    return batch::load_unaligned(numbers) < batch(static_cast<float>(count));
}

// f of all lanes, pair by pair; f takes two floats or two vectors of four.
template <class Function>
float fold_lanes(const xsimd::batch<float, simd_arch>& lanes, Function&& f) noexcept {
    using batch = xsimd::batch<float, simd_arch>;
    using four = xsimd::make_sized_batch_t<float, 4>;
    float stored[batch::size];
    lanes.store_unaligned(stored);
    if constexpr (batch::size > 4) {
        four folded = four::load_unaligned(stored);
        for (std::size_t i = 4; i < batch::size; i += 4)
            folded = f(folded, four::load_unaligned(stored + i));
        folded.store_unaligned(stored);
    }
    return f(f(stored[0], stored[1]), f(stored[2], stored[3]));
}

// For fold_lanes().
inline constexpr auto larger = [](const auto& a, const auto& b) {
    using std::max;
    using xsimd::max;
    return max(a, b);
};

FOVEA_ARCH_NAMESPACE_END
