// What window pools and resizes share in training: inference's kernel forward, and a backward pass over
// blocks of channels, as gradients of neighbouring outputs meet in one pixel.
#pragma once

#include <fovea/kernels/training/batch_chunks.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// An inference kernel's view of the step.
constexpr layer inference_layer(const training_layer& l) noexcept {
    layer of_image;
    of_image.win = l.win;
    of_image.in = l.in.map;
    of_image.out = l.out.map;
    of_image.border = l.border;
    of_image.resize = l.resize;
    return of_image;
}

template <class Kernel>
void forward_as_inference(const training_layer& l, const training_operands& o, image_range images,
                          executor& ex) noexcept {
    const layer of_image = inference_layer(l);
    for (int image = images.first; image < images.last; ++image) {
        operands numbers;
        numbers.input = image_of(o.input, l.in, image);
        numbers.output = image_of(o.output, l.out, image);
        numbers.scratch = o.scratch;
        Kernel::run(of_image, numbers, ex);
    }
}

// f(image, first channel, last channel) for blocks of channels of every image of the range, each a task; the
// input's gradient is zero before unless it is added to.
template <class Function>
void for_each_channel_block(const training_layer& l, const training_operands& o, image_range images,
                            executor& ex, const Function& f) noexcept {
    constexpr int channels_at_once = 32;
    const map_layout& in = l.in.map;
    const int blocks = (in.stride + channels_at_once - 1) / channels_at_once;
    const std::int64_t floats = static_cast<std::int64_t>(in.pixels() + l.out.map.pixels()) * in.stride;
    parallel_for(ex, workers_for_floats(floats * images.count(), ex), blocks * images.count(),
                 [&](int task, int) {
                     const int image = images.first + task / blocks, first = task % blocks * channels_at_once;
                     const int last = std::min(in.stride, first + channels_at_once);
                     if (!o.adds_input) {
                         float* pixel = image_of(o.input_gradient, l.in, image);
                         for (int p = 0; p < in.pixels(); ++p, pixel += in.stride)
                             std::fill(pixel + first, pixel + last, 0.0F);
                     }
                     f(image, first, last);
                 });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
