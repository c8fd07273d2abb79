// Scalar reference arithmetic between maps: residual additions and squeeze-excite gates.
#pragma once

#include <fovea/kernels/reference/map.hpp>

#include <vector>

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

// The gradients of scale, each added to.
template <class T>
void scale_backward(map<const T> input, span<const T> gate, map<const T> output_gradient,
                    map<T> input_gradient, span<T> gate_gradient) {
    std::vector<double> sums(gate.size());
    for (std::size_t i = 0; i < input.size(); ++i) {
        const std::size_t c = i % gate.size();
        input_gradient.data()[i] += output_gradient.data()[i] * gate[c];
        sums[c] += static_cast<double>(output_gradient.data()[i]) * static_cast<double>(input.data()[i]);
    }
    for (std::size_t c = 0; c < gate.size(); ++c)
        gate_gradient[c] += static_cast<T>(sums[c]);
}

} // namespace fovea::reference
