// What happens to a classifier's training photo: torchvision's preset, drawn first, applied later.
#pragma once

#include <fovea/preprocess/geometry.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/train/data/color_jitter.hpp>
#include <fovea/train/data/crop_window.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

namespace fovea {

// torchvision's RandomResizedCrop: a part of the photo's area, of an aspect drawn by its logarithm.
struct random_resized_crop {
    double min_scale = 0.08, max_scale = 1;
    double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;
};

// torchvision's RandomErasing: a rectangle of the network's input set to `value`.
struct random_erasing {
    double probability = 0.5;
    double min_scale = 0.02, max_scale = 0.33; // of the area
    double min_ratio = 0.3, max_ratio = 3.3;   // height / width
    float value = 0;                           // of the normalized input
};

// Steps in the order in which they happen; what is not set does not happen.
struct classification_augmentation {
    std::optional<random_resized_crop> crop; // none: resize and centre crop, as for validation
    double horizontal_flip = 0;              // probability
    std::optional<color_jitter> color;
    std::optional<random_erasing> erasing;
};

// torchvision's ClassificationPresetTrain (references/classification/presets.py) without AutoAugment.
inline classification_augmentation classification_training_augmentation(double hflip_prob = 0.5,
                                                                        double random_erase_prob = 0) {
    classification_augmentation a;
    a.crop.emplace();
    a.horizontal_flip = hflip_prob;
    if (random_erase_prob > 0)
        a.erasing.emplace().probability = random_erase_prob;
    return a;
}

namespace detail {

inline constexpr int area_trials = 10;

inline double log_uniform(double low, double high, random_stream& random) noexcept {
    return std::exp(random.uniform(std::log(low), std::log(high)));
}

// To the nearest, half to even, as Python rounds; 0 when it is no number.
inline std::size_t rounded_side(double side) noexcept {
    return side >= 0 && side < static_cast<double>(max_side) ? static_cast<std::size_t>(std::nearbyint(side))
                                                             : 0;
}

inline std::ptrdiff_t begin_in(std::size_t room, random_stream& random) noexcept {
    return static_cast<std::ptrdiff_t>(random.below(room + 1));
}

// The whole photo as far as the aspect limits allow, in its middle.
inline crop_window central_crop(const random_resized_crop& settings, image_size photo) noexcept {
    std::size_t width = photo.width, height = photo.height;
    const double aspect = static_cast<double>(width) / static_cast<double>(height);
    if (aspect < settings.min_ratio)
        height = rounded_side(static_cast<double>(width) / settings.min_ratio);
    else if (aspect > settings.max_ratio)
        width = rounded_side(static_cast<double>(height) * settings.max_ratio);
    width = std::clamp<std::size_t>(width, 1, photo.width);
    height = std::clamp<std::size_t>(height, 1, photo.height);
    return {static_cast<std::ptrdiff_t>((photo.width - width) / 2),
            static_cast<std::ptrdiff_t>((photo.height - height) / 2), width, height};
}

} // namespace detail

// A window inside the photo.
inline crop_window draw(const random_resized_crop& settings, image_size photo,
                        random_stream& random) noexcept {
    const double area = static_cast<double>(photo.width) * static_cast<double>(photo.height);
    for (int trial = 0; trial < detail::area_trials; ++trial) {
        const double target = area * random.uniform(settings.min_scale, settings.max_scale);
        const double aspect = detail::log_uniform(settings.min_ratio, settings.max_ratio, random);
        const std::size_t width = detail::rounded_side(std::sqrt(target * aspect)),
                          height = detail::rounded_side(std::sqrt(target / aspect));
        if (width == 0 || width > photo.width || height == 0 || height > photo.height)
            continue;
        const std::ptrdiff_t top = detail::begin_in(photo.height - height, random);
        return {detail::begin_in(photo.width - width, random), top, width, height};
    }
    return detail::central_crop(settings, photo);
}

// The rectangle to erase; none when nothing is.
inline std::optional<crop_window> draw(const random_erasing& settings, image_size input,
                                       random_stream& random) noexcept {
    if (!random.chance(settings.probability))
        return std::nullopt;
    const double area = static_cast<double>(input.width) * static_cast<double>(input.height);
    for (int trial = 0; trial < detail::area_trials; ++trial) {
        const double target = area * random.uniform(settings.min_scale, settings.max_scale);
        const double ratio = detail::log_uniform(settings.min_ratio, settings.max_ratio, random);
        const std::size_t height = detail::rounded_side(std::sqrt(target * ratio)),
                          width = detail::rounded_side(std::sqrt(target / ratio));
        if (height >= input.height || width >= input.width)
            continue;
        const std::ptrdiff_t top = detail::begin_in(input.height - height, random);
        return crop_window{detail::begin_in(input.width - width, random), top, width, height};
    }
    return std::nullopt;
}

} // namespace fovea
