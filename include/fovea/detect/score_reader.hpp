// From an SSD head's logits to the scores inside a window, with a softmax only for anchors that may have one.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/lanes.hpp>
#include <fovea/detect/score_bounds.hpp>
#include <fovea/detect/softmax.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea {

// Which scores of an anchor can become detections.
enum class score_rule {
    every_class, // each foreground class on its own (torchvision; GluonCV's MultiPerClassDecoder)
    best_class   // only the most probable foreground class (GluonCV's MultiClassDecoder)
};

// floor < score <= ceiling; no score is above 1.
struct score_window {
    float floor = 0, ceiling = 1;
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Reads windows from the top down: each ends where the next one begins. Allocates in the constructor only.
class score_reader {
public:
    // Two classes or more, class 0 being the background. Nothing below `threshold` will be asked for.
    score_reader(std::size_t anchors, std::size_t classes, score_rule rule, float threshold)
        : anchors_(anchors), classes_(classes), padded_(padded_classes(classes)), rule_(rule),
          threshold_(threshold), bounds_(anchors), exponentials_(group_size * padded_), last_row_(padded_),
          passing_(padded_) {}

    // Begins with the logits [anchors, classes], which must stay until the last window is read.
    void start(const float* logits) noexcept {
        logits_ = logits;
        bounds_.read(logits, classes_);
        std::fill(passing_.begin(), passing_.end(), 0.0F);
    }

    // Where a window ends so that about `anchors` anchors are looked at in all. Where there are not as many,
    // at a fraction of the ceiling.
    float floor_below(float ceiling, std::size_t anchors) const noexcept {
        constexpr float least = 1e-6F; // windows below do not pay
        if (const float score = bounds_.score_for(anchors); score > 0)
            return std::min(score, ceiling);
        return ceiling > least ? ceiling / 4 : 0;
    }

    // Calls add(score, label, anchor) for the scores inside the window, anchor by anchor; add() says whether
    // the anchor counts for least_count(). Softmaxes go in groups, as their results decide branches that
    // nothing foretells.
    template <class Add>
    void read(score_window window, Add&& add) noexcept {
        const span<const std::uint32_t> anchors = bounds_.above(window.floor);
        for (std::size_t first = 0; first < anchors.size(); first += group_size) {
            const std::size_t count = std::min(group_size, anchors.size() - first);
            for (std::size_t k = 0; k < count; ++k)
                sums_[k] = softmax_exponentials(readable_row(anchors[first + k]), classes_,
                                                bounds_.largest_logit(anchors[first + k]), group_row(k));
            for (std::size_t k = 0; k < count; ++k)
                read_anchor(anchors[first + k], group_row(k), sums_[k], window, add);
        }
    }

    // Of the anchors of the first window, a count of their scores above the threshold, at most `most` of a
    // class: no more than there are.
    float least_count(float most) const noexcept {
        float sum = 0;
        for (float count : passing_)
            sum += std::min(count, most);
        return sum;
    }

private:
    using batch = xsimd::batch<float, simd_arch>;
    static constexpr std::size_t group_size = 16;

    float* group_row(std::size_t k) noexcept { return exponentials_.data() + k * padded_; }

    // The logits of an anchor in memory that may be read up to padded_classes().
    const float* readable_row(std::size_t anchor) noexcept {
        const float* const row = logits_ + anchor * classes_;
        if ((anchors_ - anchor) * classes_ >= padded_)
            return row;
        std::copy(row, row + classes_, last_row_.begin());
        return last_row_.data();
    }

    // e: exponentials and their sum.
    template <class Add>
    void read_anchor(std::size_t anchor, float* e, float sum, score_window window, const Add& add) noexcept {
        bool counts = false;
        float rest = 0; // the best score below the window
        const auto read_class = [&](std::size_t label) {
            const float score = e[label] / sum;
            if (!(score > window.floor))
                rest = std::max(rest, score);
            else if (score <= window.ceiling)
                counts |= add(score, label, anchor);
        };
        e[0] = 0; // the background is no detection
        if (rule_ == score_rule::best_class)
            read_class(static_cast<std::size_t>(std::max_element(e + 1, e + classes_) - e));
        else
            rest = std::max(rest, read_classes(e, sum, window.floor, read_class));
        bounds_.lower(anchor, rest);
        if (counts && window.ceiling == 1)
            count_passing(e, sum);
    }

    // Calls read_class(label) for the classes that may score above the floor; returns a bound of the others.
    template <class ReadClass>
    float read_classes(const float* e, float sum, float floor, const ReadClass& read_class) const noexcept {
        const batch bound(floor * sum * (1.0F - rounding)), zero(0.0F);
        batch below(0.0F);
        for (std::size_t first = 0; first < padded_; first += 64) {
            std::uint64_t near = 0; // bit k: class first + k
            for (std::size_t k = 0; k < std::min<std::size_t>(64, padded_ - first); k += batch::size) {
                const batch some = batch::load_unaligned(e + first + k);
                const auto is_near = some >= bound;
                near |= lane_bits(is_near) << k;
                below = xsimd::max(below, xsimd::select(is_near, zero, some));
            }
            for (; near != 0; near &= near - 1)
                read_class(first + static_cast<std::size_t>(__builtin_ctzll(near)));
        }
        return fold_lanes(below, larger) / sum * (1.0F + rounding);
    }

    void count_passing(const float* e, float sum) noexcept {
        const batch surely(threshold_ * sum * (1.0F + rounding)), one(1.0F), zero(0.0F);
        for (std::size_t c = 0; c < padded_; c += batch::size)
            (batch::load_unaligned(&passing_[c]) +
             xsimd::select(batch::load_unaligned(e + c) > surely, one, zero))
                .store_unaligned(&passing_[c]);
    }

    static constexpr float rounding = 1e-5F; // more than that of any product or quotient here

    std::size_t anchors_, classes_, padded_; // padded: classes in whole vectors
    score_rule rule_;
    float threshold_;
    const float* logits_ = nullptr;
    score_bounds bounds_;
    std::array<float, group_size> sums_{}; // of the group's exponentials
    std::vector<float> exponentials_, last_row_;
    std::vector<float> passing_; // how many anchors of the first window are above the threshold, by class
};

FOVEA_ARCH_NAMESPACE_END
