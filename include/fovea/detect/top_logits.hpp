// The best of a detector's logits, found in one sweep: what a decoder with sigmoid scores looks at.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/lanes.hpp>
#include <fovea/detect/score_reader.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Logits with their places as single numbers: the higher, the better. Greater logit first, then lower place.
struct logit_code {
    static std::uint64_t encode(float logit, std::size_t place) noexcept {
        logit += 0.0F; // -0 equals 0
        std::uint32_t bits = 0;
        std::memcpy(&bits, &logit, sizeof bits);
        bits = (bits & sign) != 0 ? ~bits : bits | sign; // as floats are ordered
        return std::uint64_t{bits} << 32 | (0xffffffffU - static_cast<std::uint32_t>(place));
    }
    static float logit(std::uint64_t code) noexcept {
        auto bits = static_cast<std::uint32_t>(code >> 32);
        bits = (bits & sign) != 0 ? bits & ~sign : ~bits;
        float logit = 0;
        std::memcpy(&logit, &bits, sizeof logit);
        return logit;
    }
    static std::size_t place(std::uint64_t code) noexcept { return ~code & 0xffffffffU; }

private:
    static constexpr std::uint32_t sign = 0x80000000U;
};

// Reads logits [rows, classes] and keeps the best `most`: of all pairs (score_rule::every_class) or of each
// row's best class. Memory for twice as many; whenever it is full, the worse half is dropped and the bar
// raised. Allocates in the constructor only. rows * classes < 2^32.
class top_logits {
public:
    top_logits(std::size_t rows, std::size_t classes, score_rule rule, std::size_t most)
        : classes_(classes), count_(rows * classes), rule_(rule),
          most_(std::min(most, rule == score_rule::every_class ? count_ : rows)), codes_(2 * most_) {}

    std::size_t most() const noexcept { return most_; }

    // Codes of the best logits above `floor`, best first; a logit's place is row * classes + class. NaN
    // logits are none; of equal ones in a row the first is the row's best. Valid until the next call.
    span<const std::uint64_t> read(const float* logits, float floor) noexcept {
        size_ = 0;
        floor_ = floor;
        for (std::size_t i = next_above(logits, 0); i < count_; i = next_above(logits, i)) {
            if (rule_ == score_rule::every_class) {
                add(logits[i], i);
                ++i;
                continue;
            }
            const std::size_t end = (i / classes_ + 1) * classes_;
            for (std::size_t k = i + 1; k < end; ++k) // the classes before i are below the floor
                if (logits[k] > logits[i])
                    i = k;
            add(logits[i], i);
            i = end;
        }
        keep_best();
        std::sort(codes_.data(), codes_.data() + size_, std::greater<>());
        return {codes_.data(), size_};
    }

private:
    using batch = xsimd::batch<float, simd_arch>;
    static constexpr std::size_t unroll = 8;

    // The first place from `i` on whose logit is above the floor; count_ for none.
    std::size_t next_above(const float* logits, std::size_t i) const noexcept {
        const batch floor(floor_);
        const auto above = [&](std::size_t at) { return batch::load_unaligned(logits + at) > floor; };
        for (; i + batch::size <= count_; i += batch::size) {
            if (const std::uint64_t lanes = lane_bits(above(i)); lanes != 0)
                return i + static_cast<std::size_t>(__builtin_ctzll(lanes));
            // Whole stretches without any go fast.
            for (; i + (1 + unroll) * batch::size <= count_; i += unroll * batch::size) {
                auto some = above(i + batch::size);
                for (std::size_t k = 2; k <= unroll; ++k)
                    some = some | above(i + k * batch::size);
                if (lane_bits(some) != 0)
                    break;
            }
        }
        while (i < count_ && !(logits[i] > floor_))
            ++i;
        return i;
    }

    void add(float logit, std::size_t place) noexcept {
        codes_[size_++] = logit_code::encode(logit, place);
        if (size_ == codes_.size())
            keep_best();
    }

    // Drops what is not among the best, and what comes later has to be better: of equal logits the first
    // stay.
    void keep_best() noexcept {
        if (size_ <= most_)
            return;
        const auto begin = codes_.begin(), worst = begin + static_cast<std::ptrdiff_t>(most_ - 1);
        std::nth_element(begin, worst, begin + static_cast<std::ptrdiff_t>(size_), std::greater<>());
        size_ = most_;
        floor_ = logit_code::logit(*worst);
    }

    std::size_t classes_, count_;
    score_rule rule_;
    std::size_t most_;
    std::vector<std::uint64_t> codes_;
    std::size_t size_ = 0;
    float floor_ = 0;
};

FOVEA_ARCH_NAMESPACE_END
