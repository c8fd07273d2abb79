// Ranges of the flat parameter array that an optimizer treats alike: torch's parameter groups, for arrays.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace fovea {

// Parameters [offset, offset + size) of the flat array.
struct parameter_range {
    std::size_t offset = 0, size = 0;
    float weight_decay = 0;
    float learning_rate_scale = 1; // factor on the learning rate of a step
    bool frozen = false;           // neither parameters nor their optimizer state change

    constexpr std::size_t end() const noexcept { return offset + size; }
    // Whether an optimizer treats both alike.
    constexpr bool same_treatment(const parameter_range& other) const noexcept {
        return weight_decay == other.weight_decay && learning_rate_scale == other.learning_rate_scale &&
               frozen == other.frozen;
    }
};

// All `size` parameters as one range.
inline std::vector<parameter_range> whole_range(std::size_t size, float weight_decay = 0) {
    return {{0, size, weight_decay}};
}

// Numbers that the ranges cover. Throws input_error unless each begins where the one before ends, the first
// at 0, and weight decays and learning-rate factors are finite and not negative.
inline std::size_t check_ranges(span<const parameter_range> ranges) {
    const auto fail = [](std::size_t i, const std::string& what) {
        throw input_error("parameter range " + std::to_string(i) + ": expected " + what);
    };
    std::size_t end = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
        const parameter_range& r = ranges[i];
        if (r.offset != end)
            fail(i, "offset " + std::to_string(end) + ", found " + std::to_string(r.offset));
        if (!std::isfinite(r.weight_decay) || r.weight_decay < 0)
            fail(i, "a finite weight decay of at least 0, found " + std::to_string(r.weight_decay));
        if (!std::isfinite(r.learning_rate_scale) || r.learning_rate_scale < 0)
            fail(i, "a finite learning-rate factor of at least 0, found " +
                        std::to_string(r.learning_rate_scale));
        end += r.size;
    }
    return end;
}

// use(range, begin, end) for the parts of [begin, end) in each range, in ascending order.
template <class Use>
void for_each_part(span<const parameter_range> ranges, std::size_t begin, std::size_t end, Use&& use) {
    const auto* r =
        std::upper_bound(ranges.begin(), ranges.end(), begin,
                         [](std::size_t place, const auto& range) { return place < range.end(); });
    for (; r != ranges.end() && r->offset < end; ++r)
        if (r->size > 0 && begin < end)
            use(*r, std::max(begin, r->offset), std::min(end, r->end()));
}

} // namespace fovea
