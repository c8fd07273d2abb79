// Random changes of color: torchvision's ColorJitter and RandomPhotometricDistort, drawn first, applied
// later.
#pragma once

#include <fovea/tensor/view.hpp>
#include <fovea/train/random.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace fovea {

// Factors are drawn from [low, high].
struct factor_range {
    float low = 1, high = 1;

    float draw(random_stream& random) const noexcept {
        return static_cast<float>(random.uniform(static_cast<double>(low), static_cast<double>(high)));
    }
    constexpr bool is_only(float neutral) const noexcept { return low == neutral && high == neutral; }
};

// torchvision's ColorJitter: the four adjustments in random order; a range of only the neutral factor leaves
// its one out.
struct color_jitter {
    factor_range brightness, contrast, saturation;
    factor_range hue{0, 0};
};

// torchvision's RandomPhotometricDistort (references/detection/transforms.py): each adjustment with
// `probability`, contrast before or after saturation and hue, then the channels in random order.
struct photometric_distort {
    factor_range brightness{0.875F, 1.125F}, contrast{0.5F, 1.5F}, saturation{0.5F, 1.5F};
    factor_range hue{-0.05F, 0.05F};
    double probability = 0.5;
};

enum class color_op : unsigned char { brightness, contrast, saturation, hue, channel_order };

// One step: a factor, a turn of the color circle, or which channel each one was.
struct color_change {
    color_op op = color_op::brightness;
    float amount = 1;
    std::array<std::size_t, 3> order{0, 1, 2};
};

// The steps, in order.
inline std::vector<color_change> draw(const color_jitter& jitter, random_stream& random) {
    std::vector<color_change> changes;
    std::array<color_op, 4> ops{color_op::brightness, color_op::contrast, color_op::saturation,
                                color_op::hue};
    shuffle(span<color_op>(ops), random);
    for (const color_op op : ops) {
        const factor_range& range = op == color_op::brightness   ? jitter.brightness
                                    : op == color_op::contrast   ? jitter.contrast
                                    : op == color_op::saturation ? jitter.saturation
                                                                 : jitter.hue;
        if (!range.is_only(op == color_op::hue ? 0.0F : 1.0F))
            changes.push_back({op, range.draw(random)});
    }
    return changes;
}

inline std::vector<color_change> draw(const photometric_distort& distort, random_stream& random) {
    std::vector<color_change> changes;
    const auto perhaps = [&](color_op op, const factor_range& range) {
        if (random.chance(distort.probability))
            changes.push_back({op, range.draw(random)});
    };
    perhaps(color_op::brightness, distort.brightness);
    const bool contrast_first = random.chance(0.5);
    if (contrast_first)
        perhaps(color_op::contrast, distort.contrast);
    perhaps(color_op::saturation, distort.saturation);
    perhaps(color_op::hue, distort.hue);
    if (!contrast_first)
        perhaps(color_op::contrast, distort.contrast);
    if (random.chance(distort.probability)) {
        color_change order{color_op::channel_order};
        shuffle(span<std::size_t>(order.order), random);
        changes.push_back(order);
    }
    return changes;
}

} // namespace fovea
