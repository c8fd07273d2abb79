// Class probabilities of one anchor: the scalar definition and the vector form that decoders run.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/lanes.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>
#include <limits>

namespace fovea {

// probabilities[c] = exp(logits[c] - max) / sum. A NaN or +infinity among the logits, or nothing but
// -infinity, makes all of them NaN. The spans have equal sizes and may be the same.
inline void softmax_reference(span<const float> logits, span<float> probabilities) noexcept {
    float largest = -std::numeric_limits<float>::infinity(), sum = 0;
    for (float logit : logits)
        largest = std::max(largest, logit);
    for (std::size_t c = 0; c < logits.size(); ++c)
        sum += probabilities[c] = std::exp(logits[c] - largest);
    for (float& p : probabilities)
        p /= sum;
}

} // namespace fovea

// GCC 12 takes the undefined pass-through operand of AVX-512 intrinsics, inlined from xsimd, for an
// uninitialised read.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

FOVEA_ARCH_NAMESPACE_BEGIN

// Largest of `count` values, -infinity for none. NaN values may or may not be ignored.
inline float largest_of(const float* values, std::size_t count) noexcept {
    using batch = xsimd::batch<float, simd_arch>;
    float largest = -std::numeric_limits<float>::infinity();
    if (count < batch::size) {
        for (std::size_t c = 0; c < count; ++c)
            largest = std::max(largest, values[c]);
        return largest;
    }
    // The last vector overlaps the one before instead of running over the end.
    batch lanes = batch::load_unaligned(values + count - batch::size);
    for (std::size_t c = 0; c + batch::size <= count; c += batch::size)
        lanes = xsimd::max(lanes, batch::load_unaligned(values + c));
    return fold_lanes(lanes, larger);
}

// Places that softmax_exponentials() writes for this many logits: whole vectors.
constexpr std::size_t padded_classes(std::size_t classes) noexcept {
    constexpr std::size_t lanes = xsimd::batch<float, simd_arch>::size;
    return (classes + lanes - 1) / lanes * lanes;
}

// Writes exp(logits[c] - largest) for c < classes and zeros up to padded_classes(classes) into
// `exponentials`; returns their sum. Divided by it they are the softmax when `largest` is the largest logit.
// A NaN sum stands for softmax_reference()'s NaN results. Logits are read, but not used, up to
// padded_classes(classes).
inline float softmax_exponentials(const float* logits, std::size_t classes, float largest,
                                  float* exponentials) noexcept {
    using batch = xsimd::batch<float, simd_arch>;
    batch sum(0.0F);
    std::size_t c = 0;
    for (; c + batch::size <= classes; c += batch::size) {
        const batch e = xsimd::exp(batch::load_unaligned(logits + c) - batch(largest));
        e.store_unaligned(exponentials + c);
        sum += e;
    }
    if (c < classes) {
        const batch e =
            xsimd::select(first_lanes(classes - c),
                          xsimd::exp(batch::load_unaligned(logits + c) - batch(largest)), batch(0.0F));
        e.store_unaligned(exponentials + c);
        sum += e;
    }
    return fold_lanes(sum, std::plus<>());
}

FOVEA_ARCH_NAMESPACE_END

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif
