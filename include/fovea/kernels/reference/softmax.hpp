// Scalar reference softmax over one row of logits.
#pragma once

#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>

namespace fovea::reference {

// output[i] = exp(input[i]) / sum of exp(input), shifted by the largest input so that nothing overflows.
// Spans of one size, which may be the same; an empty row stays empty.
template <class T>
void softmax(span<const T> input, span<T> output) {
    if (input.empty())
        return;
    const double largest = static_cast<double>(*std::max_element(input.begin(), input.end()));
    double sum = 0;
    for (T x : input)
        sum += std::exp(static_cast<double>(x) - largest);
    for (std::size_t i = 0; i < input.size(); ++i)
        output[i] = static_cast<T>(std::exp(static_cast<double>(input[i]) - largest) / sum);
}

} // namespace fovea::reference
