// Scalar reference resize of a map inside a network, and its adjoint.
#pragma once

#include <fovea/kernels/reference/map.hpp>
#include <fovea/math/interpolation.hpp>

#include <vector>

namespace fovea::reference {

namespace detail {

// What every position of an output axis reads.
template <class T, std::size_t N>
using axis_taps = std::vector<interpolation::taps<T, N>>;

template <class T, std::size_t N>
axis_taps<T, N> make_axis_taps(int in, int out, bool align_corners, double factor) {
    const auto size = static_cast<std::size_t>(in);
    const T scale =
        interpolation::source_scale<T>(size, static_cast<std::size_t>(out), align_corners, factor);
    axis_taps<T, N> taps(static_cast<std::size_t>(out));
    for (std::size_t at = 0; at < taps.size(); ++at)
        taps[at] = interpolation::taps_at<T, N>(at, scale, size, align_corners);
    return taps;
}

// Calls visit(out_y, out_x, in_y, in_x, weight) for every input position that an output position reads.
template <class T, std::size_t N, class Visit>
void for_each_tap(shape in, shape out, const resize_method& method, Visit visit) {
    const bool corners = method.align_corners && N > 1;
    const auto rows = make_axis_taps<T, N>(in.height, out.height, corners, method.height_factor);
    const auto columns = make_axis_taps<T, N>(in.width, out.width, corners, method.width_factor);
    for (std::size_t y = 0; y < rows.size(); ++y)
        for (std::size_t x = 0; x < columns.size(); ++x)
            for (std::size_t i = 0; i < N; ++i)
                for (std::size_t j = 0; j < N; ++j)
                    visit(y, x, rows[y].index[i], columns[x].index[j],
                          static_cast<double>(rows[y].weight[i]) * static_cast<double>(columns[x].weight[j]));
}

template <class T, class Visit>
void for_each_tap(shape in, shape out, const resize_method& method, Visit visit) {
    if (in.size() == 0)
        throw input_error("resize: the input is empty");
    require_shape("resize", {out.height, out.width, in.channels}, out);
    switch (method.mode) {
    case resize_method::mode_type::nearest:
        return for_each_tap<T, 1>(in, out, method, visit);
    case resize_method::mode_type::bilinear:
        return for_each_tap<T, 2>(in, out, method, visit);
    case resize_method::mode_type::bicubic:
        return for_each_tap<T, 4>(in, out, method, visit);
    }
}

} // namespace detail

// Resizes to the height and width of `output`. Throws input_error for an empty map or another number of
// channels.
template <class T>
void resize(map<const T> input, const resize_method& method, map<T> output) {
    std::vector<double> sums(output.size());
    const map<double> sum(sums.data(), output.shape());
    detail::for_each_tap<T>(
        shape_of(input), shape_of(output), method,
        [&](std::size_t oy, std::size_t ox, std::size_t iy, std::size_t ix, double weight) {
            for (std::size_t c = 0; c < input.extent(2); ++c)
                sum(oy, ox, c) += weight * static_cast<double>(input(iy, ix, c));
        });
    for (std::size_t i = 0; i < sums.size(); ++i)
        output.data()[i] = static_cast<T>(sums[i]);
}

// The adjoint of resize: gradient of a loss with respect to the input. Overwrites input_gradient.
template <class T>
void resize_backward(map<const T> output_gradient, const resize_method& method, map<T> input_gradient) {
    std::vector<double> sums(input_gradient.size());
    const map<double> sum(sums.data(), input_gradient.shape());
    detail::for_each_tap<T>(
        shape_of(input_gradient), shape_of(output_gradient), method,
        [&](std::size_t oy, std::size_t ox, std::size_t iy, std::size_t ix, double weight) {
            for (std::size_t c = 0; c < input_gradient.extent(2); ++c)
                sum(iy, ix, c) += weight * static_cast<double>(output_gradient(oy, ox, c));
        });
    for (std::size_t i = 0; i < sums.size(); ++i)
        input_gradient.data()[i] = static_cast<T>(sums[i]);
}

} // namespace fovea::reference
