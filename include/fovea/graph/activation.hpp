// The activation functions that a table can name; kernels/ has their formulas.
#pragma once

#include <string_view>

namespace fovea {

enum class activation : unsigned char {
    identity,
    relu,
    relu6,
    hardsigmoid,
    hardswish,
    sigmoid,
    silu,
    softplus
};

constexpr std::string_view name_of(activation a) noexcept {
    constexpr std::string_view names[] = {"identity",  "relu",    "relu6", "hardsigmoid",
                                          "hardswish", "sigmoid", "silu",  "softplus"};
    return names[static_cast<int>(a)];
}

} // namespace fovea
