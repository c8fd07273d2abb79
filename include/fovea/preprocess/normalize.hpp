// (pixel / 255 - mean) / std, as one multiply-add or as a table of the 256 pixel values.
#pragma once

#include <array>
#include <cstddef>

#include <fovea/kernels/pixel_scaling.hpp>
#include <fovea/preprocess/preset.hpp>

namespace fovea {

// Whether a preset's resized pixels are rounded to 8 bits, so that normalising them can wait.
constexpr bool ends_in_bytes(const preset& p) noexcept {
    return p.rule == resize_rule::shorter_side || p.rule == resize_rule::centre_crop ||
           p.rule == resize_rule::padded_fit;
}

// The preset's normalisation of bytes in the network's channel order.
constexpr pixel_scaling scaling_of(const preset& p) noexcept {
    pixel_scaling out;
    for (std::size_t c = 0; c < 3; ++c) {
        out.scale[c] = static_cast<float>(1.0 / (255.0 * static_cast<double>(p.std[c])));
        out.shift[c] = static_cast<float>(-static_cast<double>(p.mean[c]) / static_cast<double>(p.std[c]));
    }
    return out;
}

namespace detail {

// Position of RGB channel c in the network's channel order.
constexpr std::size_t channel_position(channel_order order, std::size_t c) noexcept {
    return order == channel_order::bgr ? 2 - c : c;
}

// normalised = pixel * scale + shift, for pixels 0..255. Indexed by RGB channel; the fourth lane is zero, so
// that a pixel fits a vector of four.
struct affine {
    std::array<float, 4> scale{}, shift{};
};

constexpr affine normalizing_affine(const preset& p) noexcept {
    const pixel_scaling network = scaling_of(p);
    affine out;
    for (std::size_t c = 0; c < 3; ++c) {
        out.scale[c] = network.scale[channel_position(p.channels, c)];
        out.shift[c] = network.shift[channel_position(p.channels, c)];
    }
    return out;
}

// The normalised value of each pixel value, rounded step by step as torchvision's Normalize does.
using pixel_table = std::array<std::array<float, 256>, 3>;

constexpr pixel_table normalizing_table(const preset& p) noexcept {
    pixel_table out{};
    for (std::size_t c = 0; c < 3; ++c) {
        const std::size_t k = channel_position(p.channels, c);
        for (std::size_t v = 0; v < 256; ++v)
            out[c][v] = (static_cast<float>(v) / 255.0F - p.mean[k]) / p.std[k];
    }
    return out;
}

} // namespace detail
} // namespace fovea
