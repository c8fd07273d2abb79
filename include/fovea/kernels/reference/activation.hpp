// Scalar reference activations and their derivatives, with torch's formulas and its values at the kinks.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <cmath>

namespace fovea::reference {

template <class T>
T sigmoid(T x) {
    return T(1) / (T(1) + std::exp(-x));
}

template <class T>
T clamp6(T x) {
    return std::min(std::max(x, T(0)), T(6));
}

// f(x). torch.nn.functional; softplus with beta 1 and threshold 20.
template <class T>
T activate(activation f, T x) {
    switch (f) {
    case activation::identity:
        break;
    case activation::relu:
        return std::max(x, T(0));
    case activation::relu6:
        return clamp6(x);
    case activation::hardsigmoid:
        return clamp6(x + 3) / 6;
    case activation::hardswish:
        return x * clamp6(x + 3) / 6;
    case activation::sigmoid:
        return sigmoid(x);
    case activation::silu:
        return x * sigmoid(x);
    case activation::softplus:
        return x > 20 ? x : std::log1p(std::exp(x));
    }
    return x;
}

// f'(x). At a kink: 0 for relu, relu6 and hardsigmoid; hardswish takes the inner slope at -3, the outer one
// at 3.
template <class T>
T activation_derivative(activation f, T x) {
    const T s = sigmoid(x);
    switch (f) {
    case activation::identity:
        break;
    case activation::relu:
        return x > 0 ? T(1) : T(0);
    case activation::relu6:
        return x > 0 && x < 6 ? T(1) : T(0);
    case activation::hardsigmoid:
        return x > -3 && x < 3 ? T(1) / 6 : T(0);
    case activation::hardswish:
        return x < -3 ? T(0) : (x >= 3 ? T(1) : x / 3 + T(0.5));
    case activation::sigmoid:
        return s * (1 - s);
    case activation::silu:
        return s * (1 + x * (1 - s));
    case activation::softplus:
        return x > 20 ? T(1) : s;
    }
    return T(1);
}

// output[i] = f(input[i]); the spans have one size and may be the same.
template <class T>
void activate(activation f, span<const T> input, span<T> output) {
    for (std::size_t i = 0; i < input.size(); ++i)
        output[i] = activate(f, input[i]);
}

// input_gradient[i] = output_gradient[i] * f'(input[i]).
template <class T>
void activate_backward(activation f, span<const T> input, span<const T> output_gradient,
                       span<T> input_gradient) {
    for (std::size_t i = 0; i < input.size(); ++i)
        input_gradient[i] = output_gradient[i] * activation_derivative(f, input[i]);
}

} // namespace fovea::reference
