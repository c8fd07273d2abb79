// The best-scored anchors of each class, collected in one sweep over the anchors with bounded memory.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/score_order.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// An anchor that is a detection of `label` unless a better one suppresses it.
struct candidate {
    float score = 0;
    std::int32_t label = 0;
    std::size_t anchor = 0;
};

// Descending score; equal scores by label, then by anchor: the order of torchvision's concatenated classes.
inline bool better_candidate(const candidate& a, const candidate& b) noexcept {
    if (a.score == b.score && a.label != b.label)
        return a.label < b.label;
    return scored_before(a.score, a.anchor, b.score, b.anchor);
}

// Up to topk candidates of each label 1 .. labels. Holds twice as many a label; a full list is halved by
// nth_element, so that adding costs constant time on average. Allocates in the constructor only.
class class_candidates {
public:
    class_candidates(std::size_t labels, std::size_t anchors, std::size_t topk)
        : topk_(std::min(topk, anchors)), capacity_(std::min(anchors, 2 * topk_)), lists_(labels),
          places_(labels * capacity_) {}

    void clear() noexcept { std::fill(lists_.begin(), lists_.end(), list{}); }

    // Anchors of a label must come in ascending order and at most once. Scores must not be NaN.
    void add(const candidate& c) noexcept {
        list& to = lists_[static_cast<std::size_t>(c.label) - 1];
        candidate* const first = places_.data() + static_cast<std::size_t>(c.label - 1) * capacity_;
        if (topk_ == 0 || !(c.score > to.cutoff))
            return;
        if (to.count == capacity_) {
            keep_best(first, to);
            if (!(c.score > to.cutoff))
                return;
        }
        first[to.count++] = c;
    }

    // Cuts every list to its best topk and returns all of them, without order, valid until the next clear().
    span<candidate> finish() noexcept {
        candidate* end = places_.data();
        for (std::size_t i = 0; i < lists_.size(); ++i) {
            candidate* const first = places_.data() + i * capacity_;
            if (lists_[i].count > topk_)
                keep_best(first, lists_[i]);
            end = end == first ? first + lists_[i].count : std::copy(first, first + lists_[i].count, end);
        }
        return {places_.data(), static_cast<std::size_t>(end - places_.data())};
    }

private:
    struct list {
        std::size_t count = 0;
        // Later anchors must score more: they lose a tie to every earlier one.
        float cutoff = -std::numeric_limits<float>::infinity();
    };

    void keep_best(candidate* first, list& of) const noexcept {
        std::nth_element(first, first + (topk_ - 1), first + of.count, better_candidate);
        of.count = topk_;
        of.cutoff = first[topk_ - 1].score;
    }

    std::size_t topk_, capacity_;
    std::vector<list> lists_;
    std::vector<candidate> places_;
};

FOVEA_ARCH_NAMESPACE_END
