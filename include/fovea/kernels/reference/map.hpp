// Scalar reference kernels see one image's map as a view [height, width, channels]: this is its vocabulary.
#pragma once

#include <fovea/error.hpp>
#include <fovea/graph/node.hpp>
#include <fovea/tensor/view.hpp>

#include <string>

// Reference kernels are plain loops that are right by reading, the measure for every optimised kernel. T is
// float, or double to check gradients by finite differences; sums are kept in double and rounded once.
namespace fovea::reference {

template <class T>
using map = view<T, 3>; // [height, width, channels]

template <class T>
map<T> make_map(T* data, shape s) noexcept {
    return {data,
            {static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width),
             static_cast<std::size_t>(s.channels)}};
}

template <class T>
shape shape_of(map<T> m) noexcept {
    return {static_cast<int>(m.extent(0)), static_cast<int>(m.extent(1)), static_cast<int>(m.extent(2))};
}

inline bool contains(shape s, int y, int x) noexcept {
    return y >= 0 && y < s.height && x >= 0 && x < s.width;
}

// First input row and column under the window of output position `at`; negative in the padding.
inline int first_row(const window& w, int at) noexcept {
    return at * w.stride_height - w.pad_top;
}
inline int first_column(const window& w, int at) noexcept {
    return at * w.stride_width - w.pad_left;
}

inline std::string text_of(shape s) {
    return std::to_string(s.height) + "x" + std::to_string(s.width) + "x" + std::to_string(s.channels);
}

// Throws input_error unless `got` is the non-empty shape that `kernel` makes of its input.
inline void require_shape(const char* kernel, shape want, shape got) {
    if (want.size() == 0)
        throw input_error(std::string(kernel) +
                          ": the output is empty, its window does not fit into the padded input");
    if (got != want)
        throw input_error(std::string(kernel) + ": expected an output of " + text_of(want) + ", got " +
                          text_of(got));
}

} // namespace fovea::reference
