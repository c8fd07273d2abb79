// The order of scores wherever the best come first: one rule for NMS, top-k and decoders.
#pragma once

#include <cmath>
#include <cstddef>

namespace fovea {

// Whether score a of item number `index_a` precedes: greater first, NaN counting as greatest (torch's sort),
// equal ones by number (a stable sort). A strict weak order, so that any sorting algorithm gives the same
// result.
inline bool scored_before(float a, std::size_t index_a, float b, std::size_t index_b) noexcept {
    if (a > b)
        return true;
    if (a < b)
        return false;
    if (std::isnan(a) != std::isnan(b))
        return std::isnan(a);
    return index_a < index_b;
}

} // namespace fovea
