// What augmenting detectors' and classifiers' photos shares: memory, and colors on the way to normalized
// input.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/preprocess/workspace.hpp>
#include <fovea/tensor/view.hpp>
#include <fovea/train/data/color_jitter.hpp>
#include <fovea/train/data/color_planes.hpp>

#include <array>
#include <cstddef>
#include <vector>

namespace fovea {

// Pictures on the way, reused from photo to photo. One a thread.
struct augment_workspace {
    preprocess_workspace preprocess;
    image distorted, window;
    std::vector<float> planes;
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace augment_detail {

// The preset that resizes only: floats 0 .. 255 in RGB.
inline preset resizing_only(preset p) noexcept {
    p.mean = {0, 0, 0};
    p.std.fill(1.0F / 255.0F);
    p.channels = channel_order::rgb;
    return p;
}

// From RGB in 0 .. 255 to the preset's normalized pixels in other colors, in place.
inline void color_and_normalize(span<const color_change> changes, const preset& input, view<float, 3> pixels,
                                augment_workspace& workspace) {
    const view<float, 2> planes = to_planes(pixels.data(), pixels.size() / 3, workspace.planes);
    fovea::apply(changes, planes);
    if (input.channels == channel_order::bgr)
        permute_channels(planes, {2, 1, 0});
    std::array<float, 3> scale{}, shift{};
    for (std::size_t c = 0; c < 3; ++c) {
        scale[c] = 1.0F / input.std[c];
        shift[c] = -input.mean[c] / input.std[c];
    }
    from_planes(planes, scale, shift, pixels.data());
}

} // namespace augment_detail

FOVEA_ARCH_NAMESPACE_END
