// Which anchors can score above a threshold, told without a softmax: where the decoder looks.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/softmax.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// An upper bound of the foreground probabilities of each anchor. The softmax's sum has at least the terms of
// the best foreground class and of the background, so none is above 1 / (1 + exp(background - best)); on the
// outputs of trained networks that is close. Allocates in the constructor only.
class score_bounds {
public:
    explicit score_bounds(std::size_t anchors)
        : count_(anchors), bounds_(padded_classes(anchors)), largest_(anchors), above_(anchors + 1) {}

    // Logits [anchors, classes], classes >= 2.
    void read(const float* logits, std::size_t classes) noexcept {
        for (std::size_t i = 0; i < count_; ++i, logits += classes) {
            const float best = largest_of(logits + 1, classes - 1);
            largest_[i] = std::max(best, logits[0]);
            bounds_[i] = logits[0] - best;
        }
        const batch one(1.0F), slack(1.0F + 1e-5F); // more than every rounding of the softmax
        for (std::size_t i = 0; i < bounds_.size(); i += batch::size) {
            const batch margin = batch::load_unaligned(&bounds_[i]);
            (slack / (one + xsimd::exp(margin))).store_unaligned(&bounds_[i]);
        }
        histogram_.fill(0);
        for (std::size_t i = 0; i < count_; ++i)
            ++histogram_[bucket_of(bounds_[i])];
    }

    // A score that at least `count` anchors may exceed, and not many more; 0 when there are not as many.
    float score_for(std::size_t count) const noexcept {
        std::size_t above = 0;
        for (std::size_t b = buckets - 1; b > 0; --b)
            if ((above += histogram_[b]) >= count)
                return float_of(lowest_bits + static_cast<std::uint32_t>(b << bucket_shift));
        return 0;
    }

    // The anchors that may score above `score`, in ascending order; those with a NaN bound are none of them.
    // Valid until the next call.
    span<const std::uint32_t> above(float score) noexcept {
        std::size_t found = 0;
        for (std::size_t i = 0; i < count_; ++i) { // without a branch that nothing foretells
            above_[found] = static_cast<std::uint32_t>(i);
            found += static_cast<std::size_t>(bounds_[i] > score);
        }
        return {above_.data(), found};
    }

    float largest_logit(std::size_t anchor) const noexcept { return largest_[anchor]; }

    // A bound of those of an anchor's scores that need not be visited again.
    void lower(std::size_t anchor, float bound) noexcept { bounds_[anchor] = bound; }

private:
    using batch = xsimd::batch<float, simd_arch>;

    // Buckets of a sixteenth of an octave from 2^-16 to 1; what is below is in the first, above in the last.
    static constexpr std::size_t buckets = 256;
    static constexpr unsigned bucket_shift = 19;
    static constexpr std::uint32_t lowest_bits = 0x37800000;

    static std::size_t bucket_of(float bound) noexcept {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &bound, sizeof bits);
        return std::min<std::size_t>((std::max(bits, lowest_bits) - lowest_bits) >> bucket_shift,
                                     buckets - 1);
    }
    static float float_of(std::uint32_t bits) noexcept {
        float value = 0;
        std::memcpy(&value, &bits, sizeof value);
        return value;
    }

    std::size_t count_;
    std::vector<float> bounds_; // whole vectors
    std::vector<float> largest_;
    std::vector<std::uint32_t> above_;
    std::array<std::uint32_t, buckets> histogram_{};
};

FOVEA_ARCH_NAMESPACE_END
