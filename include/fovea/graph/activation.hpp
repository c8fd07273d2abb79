// The activation functions of the zoo by name: an attribute of graph nodes and a template argument of kernels.
#pragma once

namespace fovea {

// Formulas as in torch.nn.functional; see kernels/reference/activation.hpp.
enum class activation : unsigned char { identity, relu, relu6, hardsigmoid, hardswish, sigmoid, silu, softplus };

} // namespace fovea
