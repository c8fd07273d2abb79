// The boxes that NMS has kept so far, label by label, compared with a new one a vector at a time.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/box.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Allocates in the constructor only.
class kept_boxes {
public:
    // Room for `boxes` of labels 0 .. labels - 1. A box is suppressed by an IoU above the threshold >= 0.
    kept_boxes(std::size_t labels, std::size_t boxes, double iou_threshold)
        : last_(labels), groups_(std::min(boxes, labels + boxes / lanes)),
          threshold_(float_below(iou_threshold)) {}

    void clear() noexcept {
        std::fill(last_.begin(), last_.end(), place{});
        group_count_ = 0;
    }

    // Whether a kept box of this label overlaps too much. Coordinates are not NaN. To the bit what
    // fovea::iou() says, for a loop over the kept boxes.
    bool suppress(std::size_t label, const box& b) const noexcept {
        const batch x1(b.x1), y1(b.y1), x2(b.x2), y2(b.y2), b_area(area(b)), zero(0.0F), limit(threshold_),
            near_limit(threshold_ * (1.0F - 1e-5F)); // what is not above needs no division
        for (std::size_t g = last_[label].group; g != none; g = groups_[g].previous) {
            const group& k = groups_[g];
            const batch width =
                xsimd::min(batch::load_unaligned(k.x2), x2) - xsimd::max(batch::load_unaligned(k.x1), x1);
            const batch height =
                xsimd::min(batch::load_unaligned(k.y2), y2) - xsimd::max(batch::load_unaligned(k.y1), y1);
            batch intersection = xsimd::max(zero, width) * xsimd::max(zero, height);
            round(intersection);
            const batch either = batch::load_unaligned(k.area) + b_area - intersection;
            if (xsimd::any(intersection > near_limit * either) && xsimd::any(intersection / either > limit))
                return true;
        }
        return false;
    }

    void add(std::size_t label, const box& b) noexcept {
        place& last = last_[label];
        if (last.lane == lanes) {
            groups_[group_count_].clear(last.group);
            last = {group_count_++, 0};
        }
        groups_[last.group].set(last.lane++, b);
    }

private:
    using batch = xsimd::batch<float, simd_arch>;
    static constexpr std::size_t lanes = batch::size, none = static_cast<std::size_t>(-1);

    // A vector of boxes of one label; free lanes hold empty boxes, which overlap with nothing.
    struct group {
        float x1[lanes], y1[lanes], x2[lanes], y2[lanes], area[lanes];
        std::size_t previous;

        void clear(std::size_t before) noexcept {
            for (float(*side)[lanes] : {&x1, &y1, &x2, &y2, &area})
                std::fill(*side, *side + lanes, 0.0F);
            previous = before;
        }
        void set(std::size_t i, const box& b) noexcept {
            x1[i] = b.x1;
            y1[i] = b.y1;
            x2[i] = b.x2;
            y2[i] = b.y2;
            area[i] = fovea::area(b);
        }
    };

    // Where a label's next box goes: the lane of its last group.
    struct place {
        std::size_t group = none, lane = lanes;
    };

    // So that no FMA takes the product into the sum (see rounded()).
    static void round(batch& value) noexcept {
#if defined(__x86_64__)
        asm("" : "+v"(value.data));
#elif defined(__aarch64__)
        asm("" : "+w"(value.data));
#endif
    }

    // The largest float that is not above: floats compare with it as with the double.
    static float float_below(double limit) noexcept {
        const auto nearest = static_cast<float>(limit);
        return static_cast<double>(nearest) > limit
                   ? std::nextafter(nearest, -std::numeric_limits<float>::infinity())
                   : nearest;
    }

    std::vector<place> last_; // of each label
    std::vector<group> groups_;
    std::size_t group_count_ = 0;
    float threshold_;
};

FOVEA_ARCH_NAMESPACE_END
