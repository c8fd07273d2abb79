// xtensor at the edges: any expression goes into a network, outputs are seen as xtensor arrays. The only
// header that includes xtensor, which costs more than a second a translation unit.
#pragma once

#include <fovea/models/classifier.hpp>
#include <fovea/models/detector.hpp>

#include <xtensor/xadapt.hpp>
#include <xtensor/xexpression.hpp>
#include <xtensor/xmanipulation.hpp>
#include <xtensor/xnoalias.hpp>
#include <xtensor/xtensor.hpp>

namespace fovea {

// The numbers of a view as an xtensor of the same rank, without a copy. The view's memory must outlive it.
template <class T, std::size_t Rank>
auto as_xtensor(view<T, Rank> v) {
    return xt::adapt(v.data(), v.size(), xt::no_ownership(), v.shape());
}

// An 8-bit photo [height, width, 3] as an xtensor, without a copy.
inline auto as_xtensor(const image& photo) {
    return as_xtensor(view<const std::uint8_t, 3>(photo.pixels.data(), {photo.height, photo.width, 3}));
}

// A photo from an expression of shape [height, width, 3] with values 0 .. 255. Throws input_error for another
// shape.
template <class E>
image image_from(const xt::xexpression<E>& expression) {
    const auto& pixels = expression.derived_cast();
    if (pixels.dimension() != 3 || pixels.shape()[2] != 3)
        throw input_error(
            "a photo is an array [height, width, 3]; got " + std::to_string(pixels.dimension()) + " axes" +
            (pixels.dimension() == 3 ? " with " + std::to_string(pixels.shape()[2]) + " channels" : ""));
    image photo(pixels.shape()[1], pixels.shape()[0]);
    auto out = xt::adapt(photo.pixels.data(), photo.pixels.size(), xt::no_ownership(),
                         std::array<std::size_t, 3>{photo.height, photo.width, 3});
    xt::noalias(out) = xt::cast<std::uint8_t>(pixels);
    return photo;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Output i of the last forward pass as [batch, numbers], without a copy; valid until the next plan() or the
// network's end.
inline auto output_of(const network& net, std::size_t i) {
    const auto batch = static_cast<std::size_t>(net.batch());
    return as_xtensor(view<const float, 2>(net.output(i).data(), {batch, net.output_floats(i)}));
}

// Runs an expression of shape [N, 3, H, W] (NCHW, preprocessed, as torch has it) through the network,
// planning for its size when that is new. Throws input_error for another rank or number of channels.
template <class E>
void forward(network& net, const xt::xexpression<E>& nchw) {
    const auto& batch = nchw.derived_cast();
    const auto channels = static_cast<std::size_t>(net.input_shape().channels);
    if (batch.dimension() != 4 || batch.shape()[1] != channels)
        throw input_error(
            "the network's input is an array [N, " + std::to_string(channels) + ", H, W]; got " +
            std::to_string(batch.dimension()) + " axes" +
            (batch.dimension() == 4 ? " with " + std::to_string(batch.shape()[1]) + " channels" : ""));
    const std::array<std::size_t, 4> nhwc{batch.shape()[0], batch.shape()[2], batch.shape()[3], channels};
    const shape planned = net.input_shape();
    if (static_cast<std::size_t>(net.batch()) != nhwc[0] ||
        static_cast<std::size_t>(planned.height) != nhwc[1] ||
        static_cast<std::size_t>(planned.width) != nhwc[2])
        net.plan(static_cast<int>(nhwc[0]), static_cast<int>(nhwc[1]), static_cast<int>(nhwc[2]));
    const xt::xtensor<float, 4> numbers = batch;
    const xt::xtensor<float, 4> images = xt::transpose(numbers, {0, 2, 3, 1});
    net.forward(images.data());
}

FOVEA_ARCH_NAMESPACE_END
