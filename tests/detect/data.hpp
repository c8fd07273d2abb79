// Arrays of tests/data/detect and of the reference goldens as the types of fovea/detect.
#pragma once

#include "support/golden.hpp"

#include <fovea/detect/box.hpp>
#include <fovea/tensor/view.hpp>

#include <filesystem>
#include <string>
#include <vector>

namespace fovea::test {

// What is cast to T; values are exact in double.
template <class T>
std::vector<T> numbers(const array& from) {
    std::vector<T> values(from.values.size());
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i] = static_cast<T>(from.values[i]);
    return values;
}

// Rows of [count, 4].
inline std::vector<box> boxes(const array& from) {
    std::vector<box> rows(from.values.size() / 4);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        const auto at = [&](std::size_t k) { return static_cast<float>(from.values[4 * i + k]); };
        rows[i] = {at(0), at(1), at(2), at(3)};
    }
    return rows;
}

inline array detect_data(const std::string& name) {
    return read_npy(std::filesystem::path(FOVEA_TEST_DATA) / "detect" / (name + ".npy"));
}

// Boxes as an array [count, 4], for compare().
inline array to_array(span<const box> from) {
    array to;
    to.shape = {from.size(), 4};
    for (const box& b : from)
        for (float v : {b.x1, b.y1, b.x2, b.y2})
            to.values.push_back(static_cast<double>(v));
    return to;
}

// Values as an array of one axis.
template <class Values>
array to_array_1d(const Values& from) {
    array to;
    to.shape = {from.size()};
    for (const auto& v : from)
        to.values.push_back(static_cast<double>(v));
    return to;
}

} // namespace fovea::test
