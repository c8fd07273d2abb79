// Scalar reference fully connected layer.
#pragma once

#include <fovea/error.hpp>
#include <fovea/tensor/view.hpp>

namespace fovea::reference {

// output = weight [out, in] * input [in] + bias [out]. An empty bias is none. Throws input_error when sizes
// disagree.
template <class T>
void linear(span<const T> input, view<const T, 2> weight, span<const T> bias, span<T> output) {
    if (weight.extent(0) != output.size() || weight.extent(1) != input.size() ||
        (!bias.empty() && bias.size() != output.size()))
        throw input_error("linear: the weight is not [outputs, inputs], or the bias not [outputs]");
    for (std::size_t o = 0; o < output.size(); ++o) {
        double sum = bias.empty() ? 0.0 : static_cast<double>(bias[o]);
        for (std::size_t i = 0; i < input.size(); ++i)
            sum += static_cast<double>(weight(o, i)) * static_cast<double>(input[i]);
        output[o] = static_cast<T>(sum);
    }
}

} // namespace fovea::reference
