// Where augmentation cuts a photo: zooming out, crops that overlap objects enough, and scale jitter.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/preprocess/geometry.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/crop_window.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <optional>

namespace fovea {

// torchvision's RandomZoomOut (references/detection/transforms.py): a canvas of low to high times the photo's
// sides.
struct zoom_out {
    double probability = 0.5;
    float low = 1, high = 4;
};

// torchvision's RandomIoUCrop: of a crop and some object the IoU must reach one of `overlaps`, drawn anew
// whenever `trials` crops failed; 1 and more leave the photo as it is.
struct iou_crop {
    float min_scale = 0.3F, max_scale = 1; // of each side
    float min_aspect = 0.5F, max_aspect = 2;
    std::array<float, 7> overlaps{0, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F, 1};
    int trials = 40;
};

// A window of low to high times the photo's sides, and of min_aspect to max_aspect times its aspect: a crop
// below 1, zooming out above.
struct scale_jitter {
    float low = 0.5F, high = 1.15F;
    float min_aspect = 0.8F, max_aspect = 1.25F;
};

// A photo resized to low to high times its fit inside the input; where it is larger than the input, a part of it is
// shown. Names and defaults of google/automl (hparams_config.py: train_scale_min, train_scale_max).
struct fit_jitter {
    float low = 0.1F, high = 2;
};

namespace detail {

// Truncated as Python's int() does, at least one pixel.
inline std::size_t scaled_side(std::size_t side, float scale) noexcept {
    return std::max<std::size_t>(1, static_cast<std::size_t>(static_cast<float>(side) * scale));
}

inline float uniform_between(float low, float high, random_stream& random) noexcept {
    return low + rounded((high - low) * random.uniform());
}

// 0 .. room, less than room unless it is 0.
inline std::ptrdiff_t offset_in(std::size_t room, random_stream& random) noexcept {
    return static_cast<std::ptrdiff_t>(static_cast<float>(room) * random.uniform());
}

} // namespace detail

// The canvas in the photo's coordinates; none when the photo stays as it is.
inline std::optional<crop_window> draw(const zoom_out& settings, image_size photo,
                                       random_stream& random) noexcept {
    if (!random.chance(settings.probability))
        return std::nullopt;
    const float scale = detail::uniform_between(settings.low, settings.high, random);
    const std::size_t width = std::max(photo.width, detail::scaled_side(photo.width, scale)),
                      height = std::max(photo.height, detail::scaled_side(photo.height, scale));
    const std::ptrdiff_t left = detail::offset_in(width - photo.width, random);
    const std::ptrdiff_t top = detail::offset_in(height - photo.height, random);
    return crop_window{-left, -top, width, height};
}

namespace detail {

// One try; none when the crop breaks a limit.
inline std::optional<crop_window> try_iou_crop(const iou_crop& settings, float overlap, image_size photo,
                                               span<const box> boxes, random_stream& random) noexcept {
    const float scale_x = uniform_between(settings.min_scale, settings.max_scale, random);
    const float scale_y = uniform_between(settings.min_scale, settings.max_scale, random);
    const std::size_t width = std::min(photo.width, scaled_side(photo.width, scale_x)),
                      height = std::min(photo.height, scaled_side(photo.height, scale_y));
    const float aspect = static_cast<float>(width) / static_cast<float>(height);
    if (!(settings.min_aspect <= aspect && aspect <= settings.max_aspect))
        return std::nullopt;
    const std::ptrdiff_t left = offset_in(photo.width - width, random);
    const std::ptrdiff_t top = offset_in(photo.height - height, random);
    const crop_window window{left, top, width, height};
    const box as_corners = as_box(window);
    const bool reached = std::any_of(boxes.begin(), boxes.end(), [&](const box& b) {
        return holds_center(as_corners, b) && iou(b, as_corners) >= overlap;
    });
    return reached ? std::optional<crop_window>(window) : std::nullopt;
}

} // namespace detail

// The crop; none when the photo stays as it is, as photos without boxes do (torchvision's loop ends there
// too). Boxes are in the photo's pixels.
inline std::optional<crop_window> draw(const iou_crop& settings, image_size photo, span<const box> boxes,
                                       random_stream& random) noexcept {
    if (boxes.empty())
        return std::nullopt;
    constexpr int most_options = 1000; // limits that no crop can meet end the search
    for (int option = 0; option < most_options; ++option) {
        const float overlap = settings.overlaps[random.below(settings.overlaps.size())];
        if (overlap >= 1)
            return std::nullopt;
        for (int trial = 0; trial < settings.trials; ++trial)
            if (const auto window = detail::try_iou_crop(settings, overlap, photo, boxes, random))
                return window;
    }
    return std::nullopt;
}

inline crop_window draw(const scale_jitter& settings, image_size photo, random_stream& random) noexcept {
    const float scale = detail::uniform_between(settings.low, settings.high, random);
    const float stretch =
        std::sqrt(detail::uniform_between(settings.min_aspect, settings.max_aspect, random));
    const std::size_t width = detail::scaled_side(photo.width, scale * stretch),
                      height = detail::scaled_side(photo.height, scale / stretch);
    const auto begin = [&](std::size_t side, std::size_t window) {
        return window <= side ? detail::offset_in(side - window, random)
                              : -detail::offset_in(window - side, random);
    };
    const std::ptrdiff_t left = begin(photo.width, width), top = begin(photo.height, height);
    return {left, top, width, height};
}

// The part of the resized photo that lies at the input's top left corner. Source: google/automl, dataloader.py,
// set_training_random_scale_factors.
inline resized_window draw(const fit_jitter& settings, image_size photo, image_size input,
                           random_stream& random) noexcept {
    const float scale = detail::uniform_between(settings.low, settings.high, random);
    const auto side = [&](std::size_t target, std::size_t of_photo) {
        return static_cast<double>(detail::scaled_side(target, scale)) / static_cast<double>(of_photo);
    };
    const double factor = std::min(side(input.width, photo.width), side(input.height, photo.height));
    resized_window w;
    w.whole = {detail::floor_side(static_cast<double>(photo.width) * factor),
               detail::floor_side(static_cast<double>(photo.height) * factor)};
    w.shown = {std::min(w.whole.width, input.width), std::min(w.whole.height, input.height)};
    w.top = static_cast<std::size_t>(detail::offset_in(w.whole.height - w.shown.height, random));
    w.left = static_cast<std::size_t>(detail::offset_in(w.whole.width - w.shown.width, random));
    return w;
}

} // namespace fovea
