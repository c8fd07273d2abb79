// Overflow-safe arithmetic on the shapes that files claim to hold.
#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <vector>

namespace fovea::detail {

// torch's and numpy's own limit on the number of axes.
inline constexpr std::size_t max_rank = 64;

// a * b, or nothing when it does not fit.
constexpr std::optional<std::size_t> checked_product(std::size_t a, std::size_t b) noexcept {
    if (b != 0 && a > std::numeric_limits<std::size_t>::max() / b)
        return std::nullopt;
    return a * b;
}

// The number of elements of a shape, or nothing when it does not fit even after the zero extents are left
// out, so that no partial product overflows either.
inline std::optional<std::size_t> element_count(const std::vector<std::size_t>& shape) noexcept {
    std::size_t count = 1;
    bool empty = false;
    for (std::size_t extent : shape) {
        empty = empty || extent == 0;
        const auto next = checked_product(count, extent == 0 ? 1 : extent);
        if (!next)
            return std::nullopt;
        count = *next;
    }
    return empty ? 0 : count;
}

// As Python prints it: "[16, 3, 3, 3]".
inline std::string shape_text(const std::vector<std::size_t>& shape) {
    std::string text = "[";
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
        text += (axis == 0 ? "" : ", ") + std::to_string(shape[axis]);
    return text + "]";
}

} // namespace fovea::detail
