// Which input positions a resized axis reads, with which weights: shared by network resizes and image
// preprocessing.
#pragma once

#include <array>
#include <cstddef>

// The rules of torch.nn.functional.interpolate along one axis of `in` >= 1 input and `out` >= 1 output
// positions. Pixel centres are at half-integers unless align_corners. Real is the type torch computes in:
// that of the tensor.
namespace fovea::interpolation {

// Input positions per output position. scale_factor > 0 is the enlargement that a caller gave in place of a
// size (torch then uses it as it is, unless recompute_scale_factor); it has no effect with align_corners.
template <class Real>
constexpr Real source_scale(std::size_t in, std::size_t out, bool align_corners = false,
                            double scale_factor = 0) {
    if (align_corners)
        return out > 1 ? static_cast<Real>(in - 1) / static_cast<Real>(out - 1) : Real(0);
    return scale_factor > 0 ? static_cast<Real>(1.0 / scale_factor)
                            : static_cast<Real>(in) / static_cast<Real>(out);
}

// Where the centre of an output position falls among the input positions; may be negative.
template <class Real>
constexpr Real source_position(std::size_t destination, Real scale, bool align_corners = false) {
    const Real d = static_cast<Real>(destination);
    return align_corners ? scale * d : scale * (d + Real(0.5)) - Real(0.5);
}

// N input positions and their weights.
template <class Real, std::size_t N>
struct taps {
    std::array<std::size_t, N> index;
    std::array<Real, N> weight;
};

// Mode "nearest": floor(destination * scale), as in old OpenCV; no half-pixel centres.
template <class Real>
constexpr std::size_t nearest_index(std::size_t destination, Real scale, std::size_t in) {
    const auto index = static_cast<std::size_t>(static_cast<Real>(destination) * scale);
    return index < in ? index : in - 1;
}

// Mode "bilinear": the two neighbours of a source position, both the last one at the far edge.
template <class Real>
constexpr taps<Real, 2> linear_taps(Real position, std::size_t in) {
    const Real inside = position > 0 ? position : Real(0);
    const auto floor = static_cast<std::size_t>(inside);
    const std::size_t first = floor < in ? floor : in - 1;
    const Real fraction = inside - static_cast<Real>(first);
    const Real weight = fraction < 1 ? fraction : Real(1);
    return {{first, first + (first + 1 < in ? 1 : 0)}, {Real(1) - weight, weight}};
}

// Keys' cubic convolution kernel at distance x >= 0, zero from 2 on. a = -0.75 in torch's plain mode, -0.5
// (the third-order choice of the paper) in Pillow and in torch's antialiased mode.
template <class Real>
constexpr Real cubic_kernel(Real x, Real a) {
    if (x < 1)
        return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : Real(0);
}

// Mode "bicubic": four neighbours, the outer ones clamped to the edges.
template <class Real>
constexpr taps<Real, 4> cubic_taps(Real position, std::size_t in) {
    constexpr Real a = Real(-0.75);
    auto floor = static_cast<std::ptrdiff_t>(position);
    if (static_cast<Real>(floor) > position)
        --floor;
    const Real t = position - static_cast<Real>(floor);
    const auto last = static_cast<std::ptrdiff_t>(in) - 1;
    taps<Real, 4> result{};
    for (std::ptrdiff_t k = 0; k < 4; ++k) {
        const std::ptrdiff_t index = floor - 1 + k;
        result.index[static_cast<std::size_t>(k)] =
            static_cast<std::size_t>(index < 0 ? 0 : (index > last ? last : index));
    }
    result.weight = {cubic_kernel(t + 1, a), cubic_kernel(t, a), cubic_kernel(1 - t, a),
                     cubic_kernel(2 - t, a)};
    return result;
}

// What an output position reads: nearest for N = 1, bilinear for 2, bicubic for 4 positions. `scale` is that
// of source_scale().
template <class Real, std::size_t N>
constexpr taps<Real, N> taps_at(std::size_t destination, Real scale, std::size_t in, bool align_corners) {
    static_assert(N == 1 || N == 2 || N == 4);
    if constexpr (N == 1)
        return {{nearest_index(destination, scale, in)}, {Real(1)}};
    else if constexpr (N == 2)
        return linear_taps(source_position(destination, scale, align_corners), in);
    else
        return cubic_taps(source_position(destination, scale, align_corners), in);
}

// Triangle of the antialiased "bilinear" mode at distance x >= 0.
template <class Real>
constexpr Real triangle_kernel(Real x) {
    return x < 1 ? 1 - x : Real(0);
}

// Input positions [first, first + count) under an antialiasing kernel, which is stretched when an axis
// shrinks. The weight of input position i is kernel(|i + 0.5 - centre| * sharpness), divided by the sum over
// the window.
template <class Real>
struct antialias_window {
    std::size_t first, count;
    Real centre, sharpness;

    // Distance of an input position from the centre, in units of the kernel.
    constexpr Real distance(std::size_t index) const {
        const Real d = (static_cast<Real>(index) + Real(0.5) - centre) * sharpness;
        return d < 0 ? -d : d;
    }
};

// The window of one output position, as in Pillow and in torch's antialias=True. scale from source_scale;
// kernel_radius is 1 for the triangle, 2 for the cubic kernel.
template <class Real>
constexpr antialias_window<Real> make_antialias_window(std::size_t destination, Real scale,
                                                       Real kernel_radius, std::size_t in) {
    const Real stretch = scale > 1 ? scale : Real(1);
    const Real radius = kernel_radius * stretch;
    const Real centre = scale * (static_cast<Real>(destination) + Real(0.5));
    const Real begin = centre - radius + Real(0.5), end = centre + radius + Real(0.5);
    const std::size_t first = begin > 0 ? static_cast<std::size_t>(begin) : 0;
    const auto unclamped = static_cast<std::size_t>(end);
    const std::size_t last = unclamped < in ? unclamped : in;
    return {first, last - first, centre, 1 / stretch};
}

} // namespace fovea::interpolation
