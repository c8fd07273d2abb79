// The scores that may become detections, collected in any order with bounded memory and sorted for NMS.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Candidates as single numbers: the higher, the better. Score first, then lower label, then lower anchor: the
// order of torchvision's concatenated classes.
class candidate_code {
public:
    constexpr candidate_code() noexcept = default;
    explicit constexpr candidate_code(std::size_t anchors) noexcept {
        while (anchors > std::size_t{1} << anchor_bits_)
            ++anchor_bits_;
    }

    // Whether all labels up to `label` have room in the code.
    constexpr bool fits(std::size_t label) const noexcept {
        return anchor_bits_ <= 32 && label <= 0xffffffffU >> anchor_bits_;
    }

    // score > 0, not NaN.
    std::uint64_t encode(float score, std::size_t label, std::size_t anchor) const noexcept {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &score, sizeof bits);
        return std::uint64_t{bits} << 32 | (0xffffffffU - (label << anchor_bits_ | anchor));
    }
    static float score(std::uint64_t code) noexcept {
        const auto bits = static_cast<std::uint32_t>(code >> 32);
        float score = 0;
        std::memcpy(&score, &bits, sizeof score);
        return score;
    }
    std::size_t label(std::uint64_t code) const noexcept { return (~code & 0xffffffffU) >> anchor_bits_; }
    std::size_t anchor(std::uint64_t code) const noexcept {
        return ~code & ((std::uint64_t{1} << anchor_bits_) - 1);
    }

private:
    unsigned anchor_bits_ = 0;
};

// Codes with scores in (floor, 1], sorted no further than somebody looks: a counting sort by the scores'
// leading bits, whose buckets hold few codes each, and std::sort of the buckets that are reached.
class candidate_order {
public:
    explicit candidate_order(std::size_t capacity) : sorted_(capacity) {}

    void sort(span<const std::uint64_t> codes, float floor) noexcept {
        shift_ = 0;
        while ((one - score_bits(floor)) >> shift_ >= buckets)
            ++shift_;
        end_.fill(0);
        for (std::uint64_t code : codes)
            ++end_[bucket_of(code) + 1];
        for (std::size_t b = 0; b < buckets; ++b)
            end_[b + 1] += end_[b];
        for (std::uint64_t code : codes)
            sorted_[end_[bucket_of(code)]++] = code; // from the bucket's begin to its end
    }

    // Calls visit(code) in descending order until it returns false.
    template <class Visit>
    void visit(Visit&& visit) noexcept {
        std::size_t i = 0;
        for (std::size_t b = 0; b < buckets; ++b) {
            if (end_[b] - i > 1)
                std::sort(sorted_.data() + i, sorted_.data() + end_[b], std::greater<>());
            for (; i < end_[b]; ++i)
                if (!visit(sorted_[i]))
                    return;
        }
    }

private:
    static constexpr std::size_t buckets = 1024;
    static constexpr std::uint32_t one = 0x3f800000; // bits of 1.0F

    static std::uint32_t score_bits(float score) noexcept {
        std::uint32_t bits = 0;
        std::memcpy(&bits, &score, sizeof bits);
        return bits;
    }
    std::size_t bucket_of(std::uint64_t code) const noexcept {
        return (one - static_cast<std::uint32_t>(code >> 32)) >> shift_;
    }

    std::vector<std::uint64_t> sorted_;
    std::array<std::uint32_t, buckets + 1> end_{}; // of each bucket in sorted_
    unsigned shift_ = 0;
};

// Candidates of labels 1 .. labels, of which the topk best of each label count. They come in rounds: the
// scores of a round are above its floor and not above the floor of the round before. Allocates in the
// constructor only.
class candidate_rounds {
public:
    candidate_rounds(std::size_t labels, std::size_t anchors, std::size_t topk)
        : topk_(std::min(topk, anchors)), code_(anchors), earlier_(labels + 1), here_(labels + 1),
          codes_(labels * std::min(anchors, 2 * topk_)), order_(codes_.size()) {}

    const candidate_code& code() const noexcept { return code_; }

    // Forgets everything.
    void clear() noexcept {
        std::fill(earlier_.begin(), earlier_.end(), std::size_t{0});
        start_round();
    }

    // A candidate above `floor`, the lowest of this round so far. An anchor comes at most once a label.
    void add(float score, std::size_t label, std::size_t anchor, float floor) noexcept {
        if (earlier_[label] == topk_)
            return;
        if (size_ == codes_.size())
            drop_excess(floor);
        codes_[size_++] = code_.encode(score, label, anchor);
        ++here_[label];
    }

    // How many candidates of this round count.
    std::size_t count() const noexcept {
        std::size_t sum = 0;
        for (std::size_t l = 0; l < here_.size(); ++l)
            sum += std::min(here_[l], topk_ - earlier_[l]);
        return sum;
    }

    // Calls visit(code) for those, best first, until it returns false.
    template <class Visit>
    void visit_best(float floor, Visit&& visit) noexcept {
        order_.sort({codes_.data(), size_}, floor);
        std::fill(here_.begin(), here_.end(), std::size_t{0});
        order_.visit([&](std::uint64_t code) {
            const std::size_t label = code_.label(code);
            if (earlier_[label] + here_[label] == topk_)
                return true;
            ++here_[label];
            return visit(code);
        });
    }

    // To be called when visit_best() has visited all.
    void end_round() noexcept {
        for (std::size_t l = 0; l < here_.size(); ++l)
            earlier_[l] += here_[l];
        start_round();
    }

private:
    void start_round() noexcept {
        std::fill(here_.begin(), here_.end(), std::size_t{0});
        size_ = 0;
    }

    // Leaves at most half: topk a label.
    void drop_excess(float floor) noexcept {
        std::size_t kept = 0;
        visit_best(floor, [&](std::uint64_t code) {
            codes_[kept++] = code;
            return true;
        });
        size_ = kept;
    }

    std::size_t topk_;
    candidate_code code_;
    std::vector<std::size_t> earlier_, here_; // counting candidates of each label: in rounds before, in this
    std::vector<std::uint64_t> codes_;
    std::size_t size_ = 0;
    candidate_order order_;
};

FOVEA_ARCH_NAMESPACE_END
