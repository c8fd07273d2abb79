// Soft-NMS with memory of its own, a vector of boxes at a time: what decoders run in place of soft_nms().
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/lanes.hpp>
#include <fovea/detect/soft_nms.hpp>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Boxes whose scores fall as better ones are picked. Only boxes of one group decay each other and are dropped
// for it. Allocates in the constructor only.
class decaying_boxes {
public:
    // Throws input_error for settings out of range.
    decaying_boxes(std::size_t capacity, const soft_nms_settings& settings)
        : settings_(settings), capacity_(in_vectors(capacity)) {
        detail::check(settings);
        for (std::vector<float>* values : {&x1_, &y1_, &x2_, &y2_, &area_, &group_, &score_})
            values->resize(capacity_);
    }

    void clear() noexcept { size_ = 0; }

    // Box number size(), for up to `capacity`. Coordinates are not NaN; a NaN score is never picked.
    void add(const box& b, std::size_t group, float score) noexcept {
        const box whole = detail::with_last_pixel(b, settings_);
        x1_[size_] = whole.x1;
        y1_[size_] = whole.y1;
        x2_[size_] = whole.x2;
        y2_[size_] = whole.y2;
        area_[size_] = area(whole);
        group_[size_] = static_cast<float>(group);
        score_[size_++] = score;
    }

    std::size_t size() const noexcept { return size_; }

    // Calls visit(number, score) for the boxes that stay, in descending order of decayed scores >= 0 (equal
    // ones by number), until it returns false. To be called once after the last add().
    template <class Visit>
    void visit_best(Visit&& visit) noexcept {
        for (std::size_t i = size_; i < in_vectors(size_); ++i) {
            x1_[i] = y1_[i] = x2_[i] = y2_[i] = area_[i] = 0;
            score_[i] = gone;
        }
        for (std::size_t best = largest(); best < size_; best = largest()) {
            const float score = score_[best];
            score_[best] = gone;
            if (!visit(best, score))
                return;
            decay(best);
        }
    }

private:
    using batch = xsimd::batch<float, simd_arch>;
    static constexpr float gone = -std::numeric_limits<float>::infinity();

    static constexpr std::size_t in_vectors(std::size_t count) noexcept {
        return (count + batch::size - 1) / batch::size * batch::size;
    }

    // The first box of largest score; size_ when all are gone.
    std::size_t largest() const noexcept {
        batch lanes(gone);
        for (std::size_t i = 0; i < in_vectors(size_); i += batch::size)
            lanes = xsimd::max(batch::load_unaligned(&score_[i]), lanes); // the second operand for NaN
        const float most = fold_lanes(lanes, larger);
        if (!(most >= 0))
            return size_;
        for (std::size_t i = 0;; i += batch::size)
            if (const std::uint64_t equal = lane_bits(batch::load_unaligned(&score_[i]) == batch(most)))
                return i + static_cast<std::size_t>(__builtin_ctzll(equal));
    }

    void decay(std::size_t pick) noexcept {
        const batch x1(x1_[pick]), y1(y1_[pick]), x2(x2_[pick]), y2(y2_[pick]), its_area(area_[pick]),
            group(group_[pick]), zero(0.0F), limit(settings_.score_threshold), dropped(gone);
        for (std::size_t i = 0; i < in_vectors(size_); i += batch::size) {
            const auto fellows = batch::load_unaligned(&group_[i]) == group;
            const batch width = xsimd::min(batch::load_unaligned(&x2_[i]), x2) -
                                xsimd::max(batch::load_unaligned(&x1_[i]), x1);
            const batch height = xsimd::min(batch::load_unaligned(&y2_[i]), y2) -
                                 xsimd::max(batch::load_unaligned(&y1_[i]), y1);
            const batch both = xsimd::max(zero, width) * xsimd::max(zero, height);
            const batch score = batch::load_unaligned(&score_[i]);
            batch decayed = score;
            if (const auto meet = both > zero; xsimd::any(meet)) {
                const batch overlap =
                    xsimd::select(meet, both / (batch::load_unaligned(&area_[i]) + its_area - both), zero);
                decayed = score * factor(overlap);
            }
            const auto stays = settings_.pixel_corners ? decayed >= limit : decayed > limit;
            xsimd::select(fellows, xsimd::select(stays, decayed, dropped), score).store_unaligned(&score_[i]);
        }
    }

    batch factor(const batch& overlap) const noexcept {
        const batch one(1.0F);
        if (settings_.decay == soft_nms_decay::linear)
            return xsimd::select(overlap > batch(settings_.iou_threshold), one - overlap, one);
        return xsimd::exp(-(overlap * overlap) / batch(settings_.sigma));
    }

    soft_nms_settings settings_;
    std::size_t capacity_, size_ = 0;
    std::vector<float> x1_, y1_, x2_, y2_, area_, group_, score_;
};

FOVEA_ARCH_NAMESPACE_END
