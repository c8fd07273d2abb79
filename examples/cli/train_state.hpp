// Numbers of a checkpoint by name.
#pragma once

#include <fovea/train/checkpoint.hpp>

#include <cmath>
#include <string>

namespace fovea::cli {

namespace detail {

template <class Map>
typename Map::mapped_type saved(const Map& entries, const std::string& name) {
    const auto found = entries.find(name);
    if (found == entries.end())
        throw format_error("the checkpoint lacks '" + name + "'");
    return found->second;
}

} // namespace detail

// Throw format_error when there is none of that name.
inline std::uint64_t saved_integer(const training_state& state, const std::string& name) {
    return detail::saved(state.integers, name);
}
inline double saved_number(const training_state& state, const std::string& name) {
    return detail::saved(state.numbers, name);
}

// Whether everything that a resumed run would go on with is a number.
inline bool is_finite(const training_state& state) {
    const auto all_finite = [](const std::vector<float>& values) {
        for (float value : values)
            if (!std::isfinite(value))
                return false;
        return true;
    };
    for (const state_dict* weights : {&state.weights, &state.ema})
        for (const tensor& entry : *weights)
            if (!all_finite(entry.values))
                return false;
    for (const auto& [name, values] : state.optimizer)
        if (!all_finite(values))
            return false;
    return true;
}

} // namespace fovea::cli
