// How much room maps take inside the network: whole vectors of channels, whole cache lines.
#pragma once

#include <fovea/graph/node.hpp>

#include <cstddef>

namespace fovea {

// Floats from one pixel to the next: channels rounded up, so that vectors of 8 never straddle pixels.
inline constexpr int channel_multiple = 8;
constexpr int padded_channels(int channels) noexcept {
    return (channels + channel_multiple - 1) / channel_multiple * channel_multiple;
}

// Of a map with padded channels.
constexpr std::size_t padded_floats(shape s) noexcept {
    return static_cast<std::size_t>(s.height) * static_cast<std::size_t>(s.width) *
           static_cast<std::size_t>(padded_channels(s.channels));
}

// A number of floats rounded up to cache lines of 64 bytes.
constexpr std::size_t whole_cache_lines(std::size_t floats) noexcept {
    return (floats + 15) / 16 * 16;
}

} // namespace fovea
