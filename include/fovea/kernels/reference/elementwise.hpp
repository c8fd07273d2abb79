// Scalar reference arithmetic between maps: residual additions and squeeze-excite gates.
#pragma once

#include <fovea/kernels/reference/map.hpp>

namespace fovea::reference {

// output[i] = a[i] + b[i]; all of one size.
template <class T>
void add(span<const T> a, span<const T> b, span<T> output) {
    for (std::size_t i = 0; i < output.size(); ++i)
        output[i] = a[i] + b[i];
}

// output(y, x, c) = input(y, x, c) * gate[c]. Throws input_error when there is not one gate a channel.
template <class T>
void scale(map<const T> input, span<const T> gate, map<T> output) {
    require_shape("scale", shape_of(input), shape_of(output));
    if (gate.size() != input.extent(2))
        throw input_error("scale: " + std::to_string(gate.size()) + " gates for " +
                          std::to_string(input.extent(2)) + " channels");
    for (std::size_t i = 0; i < input.size(); ++i)
        output.data()[i] = input.data()[i] * gate[i % gate.size()];
}

} // namespace fovea::reference
