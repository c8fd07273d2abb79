// Tables of the source pixels that each resized column or row reads, from the rules of
// math/interpolation.hpp.
#pragma once

#include <cstddef>
#include <tuple>
#include <type_traits>
#include <vector>

#include <fovea/math/interpolation.hpp>
#include <fovea/preprocess/preset.hpp>

namespace fovea {

// How output coordinates of one axis become input coordinates (torch.nn.functional.interpolate).
struct axis_map {
    std::size_t input = 0, output = 0;
    float scale = 1.0F; // input pixels an output pixel
    bool align_corners = false;
};

// Both sizes known: size=..., or scale_factor=... with recompute_scale_factor=True.
inline axis_map map_axis(std::size_t input, std::size_t output, bool align_corners = false) noexcept {
    return {input, output, interpolation::source_scale<float>(input, output, align_corners), align_corners};
}

// scale_factor=s without recompute: floor(input * s) outputs, and the step is 1/s whatever the rounding did.
inline axis_map map_axis_scaled(std::size_t input, double scale_factor) noexcept {
    const auto output = static_cast<std::size_t>(static_cast<double>(input) * scale_factor);
    return {input, output, interpolation::source_scale<float>(input, output, false, scale_factor), false};
}

// N source positions and weights: 1 for nearest, 2 for bilinear, 4 for bicubic.
template <std::size_t N>
using axis_taps = interpolation::taps<float, N>;

// As torch computes them for float tensors: the scale is a float, the position a double, the weights floats
// again.
template <std::size_t N>
axis_taps<N> taps_at(const axis_map& axis, std::size_t i) noexcept {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 1) {
        return {{interpolation::nearest_index(i, axis.scale, axis.input)}, {1.0F}};
    } else {
        const double position = interpolation::source_position<double>(i, axis.scale, axis.align_corners);
        if constexpr (N == 2) {
            const auto exact = interpolation::linear_taps(position, axis.input);
            const float second = static_cast<float>(exact.weight[1]);
            return {exact.index, {1.0F - second, second}};
        } else {
            const auto [index, weight] = interpolation::cubic_taps(position, axis.input);
            return {index,
                    {static_cast<float>(weight[0]), static_cast<float>(weight[1]),
                     static_cast<float>(weight[2]), static_cast<float>(weight[3])}};
        }
    }
}

// Room for the horizontal table of either mode.
using column_tables =
    std::tuple<std::vector<axis_taps<1>>, std::vector<axis_taps<2>>, std::vector<axis_taps<4>>>;

// The taps of outputs begin, begin + 1, ... begin + count - 1. Allocates only when the table is too small.
template <std::size_t N>
const std::vector<axis_taps<N>>& fill_columns(const axis_map& axis, std::size_t begin, std::size_t count,
                                              column_tables& tables) {
    auto& table = std::get<std::vector<axis_taps<N>>>(tables);
    table.resize(count);
    for (std::size_t i = 0; i < count; ++i)
        table[i] = taps_at<N>(axis, begin + i);
    return table;
}

// Calls visit with the number of taps of `mode` as an integral_constant.
template <class Visit>
void with_tap_count(interpolation_mode mode, Visit&& visit) {
    switch (mode) {
    case interpolation_mode::nearest:
        return visit(std::integral_constant<std::size_t, 1>());
    case interpolation_mode::bilinear:
        return visit(std::integral_constant<std::size_t, 2>());
    case interpolation_mode::bicubic:
        return visit(std::integral_constant<std::size_t, 4>());
    }
}

} // namespace fovea
