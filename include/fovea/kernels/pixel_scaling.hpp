// How bytes become a network's input, for kernels that read an image's bytes themselves.
#pragma once

#include <array>

namespace fovea {

// value = byte * scale + shift for each channel. Pixels of mean m and deviation s in [0, 1] have the scale
// 1 / (255 s) and the shift -m / s.
struct pixel_scaling {
    std::array<float, 4> scale{}, shift{};
};

} // namespace fovea
