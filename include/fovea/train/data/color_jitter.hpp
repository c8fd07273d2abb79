// Random changes of color: torchvision's ColorJitter and RandomPhotometricDistort.
#pragma once

#include <fovea/tensor/view.hpp>
#include <fovea/train/data/color_ops.hpp>
#include <fovea/train/random.hpp>

#include <array>
#include <cstddef>
#include <cstdint>

namespace fovea {

// Factors are drawn from [low, high].
struct factor_range {
    float low = 1, high = 1;

    float draw(random_stream& random) const noexcept {
        return static_cast<float>(random.uniform(static_cast<double>(low), static_cast<double>(high)));
    }
    constexpr bool changes(float neutral) const noexcept { return low != neutral || high != neutral; }
};

// torchvision's ColorJitter: the four adjustments in random order; a range of only the neutral factor leaves
// its one out.
struct color_jitter {
    factor_range brightness, contrast, saturation;
    factor_range hue{0, 0};
};

// torchvision's RandomPhotometricDistort (references/detection/transforms.py): each adjustment with
// `probability`, contrast before or after saturation and hue, then channels in another order.
struct photometric_distort {
    factor_range brightness{0.875F, 1.125F}, contrast{0.5F, 1.5F}, saturation{0.5F, 1.5F};
    factor_range hue{-0.05F, 0.05F};
    double probability = 0.5;
};

// Changes (count, 3) bytes in place.
inline void apply(const color_jitter& jitter, span<std::uint8_t> pixels, random_stream& random) noexcept {
    std::array<int, 4> order{0, 1, 2, 3};
    shuffle(span<int>(order), random);
    for (const int op : order)
        if (op == 0 && jitter.brightness.changes(1))
            adjust_brightness(pixels, jitter.brightness.draw(random));
        else if (op == 1 && jitter.contrast.changes(1))
            adjust_contrast(pixels, jitter.contrast.draw(random));
        else if (op == 2 && jitter.saturation.changes(1))
            adjust_saturation(pixels, jitter.saturation.draw(random));
        else if (op == 3 && jitter.hue.changes(0))
            adjust_hue(pixels, jitter.hue.draw(random));
}

inline void apply(const photometric_distort& distort, span<std::uint8_t> pixels,
                  random_stream& random) noexcept {
    const auto happens = [&] { return random.chance(distort.probability); };
    if (happens())
        adjust_brightness(pixels, distort.brightness.draw(random));
    const bool contrast_first = random.chance(0.5);
    const bool has_contrast = happens();
    if (has_contrast && contrast_first)
        adjust_contrast(pixels, distort.contrast.draw(random));
    if (happens())
        adjust_saturation(pixels, distort.saturation.draw(random));
    if (happens())
        adjust_hue(pixels, distort.hue.draw(random));
    if (has_contrast && !contrast_first)
        adjust_contrast(pixels, distort.contrast.draw(random));
    if (happens()) {
        std::array<std::size_t, 3> order{0, 1, 2};
        shuffle(span<std::size_t>(order), random);
        permute_channels(pixels, order);
    }
}

} // namespace fovea
