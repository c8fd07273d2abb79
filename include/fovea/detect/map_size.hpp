// The size of a network's map, as anchors and decoders count it.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/graph/node.hpp>

namespace fovea {

constexpr spatial_size size_of(const shape& s) noexcept {
    return {static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width)};
}

} // namespace fovea
