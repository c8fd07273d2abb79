// Hard-negative mining: the negatives of an image whose loss is largest.
#pragma once

#include <fovea/tensor/view.hpp>
#include <fovea/train/target/match.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>

namespace fovea {

// How many negatives belong to this many positives: torchvision compares ranks with ratio * positives.
inline std::size_t hard_negative_count(double ratio, std::size_t positives) noexcept {
    return static_cast<std::size_t>(std::ceil(ratio * static_cast<double>(positives)));
}

// Turns the `count` entries of largest loss among those whose match is below_low_threshold into
// hard_negative, all of them if there are fewer. Of equal losses the first counts more, NaN more than any
// number. losses, matches and order (memory for this function) have one size. O(n).
template <class T>
void mine_hard_negatives(span<const T> losses, std::size_t count, span<int> matches,
                         span<std::uint32_t> order) noexcept {
    std::uint32_t* last = order.begin();
    for (std::size_t a = 0; a < matches.size(); ++a)
        if (matches[a] == below_low_threshold)
            *last++ = static_cast<std::uint32_t>(a);
    count = std::min(count, static_cast<std::size_t>(last - order.begin()));
    const auto key = [&](std::uint32_t a) {
        return std::isnan(losses[a]) ? std::numeric_limits<T>::infinity() : losses[a];
    };
    const auto harder = [&](std::uint32_t a, std::uint32_t b) {
        const T of_a = key(a), of_b = key(b);
        return of_a > of_b || (of_a == of_b && a < b);
    };
    if (count > 0)
        std::nth_element(order.begin(), order.begin() + (count - 1), last, harder);
    for (std::size_t i = 0; i < count; ++i)
        matches[order[i]] = hard_negative;
}

} // namespace fovea
