// Training of dropout and stochastic depth: numbers or whole images are zeroed at random, the others
// enlarged.
#pragma once

#include <fovea/kernels/training/norm_passes.hpp>
#include <fovea/kernels/training/pair.hpp>
#include <fovea/train/random.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// op::dropout: torch.nn.Dropout, each number kept with probability 1 - p. op::stochastic_depth:
// torchvision's, mode "row", each image kept with probability 1 - p. What is kept is divided by 1 - p (p = 1:
// all is zero). Whether a number is kept follows from operands.random, its image and its place in the dense
// map alone: forward and backward agree, whatever the ranges and workers. The gradient may lie over the
// output's.
struct training_dropout_kernel : plain_training_kernel {
    static constexpr const char* name = "dropout";

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        run(l, o, images, ex, {o.input, o.output, l.in, l.out, false});
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        if (o.input_gradient != nullptr)
            run(l, o, images, ex, {o.output_gradient, o.input_gradient, l.out, l.in, o.adds_input});
    }

    // Whether stochastic depth keeps an image.
    static bool keeps_image(const training_operands& o, float probability, int image) noexcept {
        return random_stream::to_uniform(random_stream(o.random).at(static_cast<std::uint64_t>(image))) >=
               probability;
    }

private:
    struct direction {
        const float* from;
        float* to;
        const batch_layout &from_layout, &to_layout;
        bool adds;
    };

    static void run(const training_layer& l, const training_operands& o, image_range images, executor& ex,
                    const direction& d) noexcept {
        using namespace kernel_detail;
        const std::ptrdiff_t stride = l.in.map.stride;
        const float factor = l.dropout < 1 ? 1 / (1 - l.dropout) : 0.0F;
        for_each_chunk(l.in.map, images, ex, [&](int image, int, int first, int pixels) {
            const float* const from = image_of(d.from, d.from_layout, image) + first * stride;
            float* const to = image_of(d.to, d.to_layout, image) + first * stride;
            if (l.kind == op::stochastic_depth)
                return scale(from, keeps_image(o, l.dropout, image) ? factor : 0.0F, pixels * stride, to,
                             d.adds);
            const random_stream random(o.random, static_cast<std::uint64_t>(image));
            for (int p = 0; p < pixels; ++p)
                drop(l, random, first + p, from + p * stride, factor, to + p * stride, d.adds);
        });
    }
    static void drop(const training_layer& l, const random_stream& random, int pixel, const float* from,
                     float factor, float* to, bool adds) noexcept {
        const int channels = l.in.map.channels;
        const std::uint64_t first = static_cast<std::uint64_t>(pixel) * static_cast<std::uint64_t>(channels);
        for (int c = 0; c < channels; ++c) {
            const bool kept =
                random_stream::to_uniform(random.at(first + static_cast<std::uint64_t>(c))) >= l.dropout;
            const float x = kept ? from[c] * factor : 0.0F;
            to[c] = adds ? to[c] + x : x;
        }
        if (!adds)
            std::fill(to + channels, to + l.in.map.stride, 0.0F);
    }
    static void scale(const float* from, float factor, std::ptrdiff_t floats, float* to, bool adds) noexcept {
        for (std::ptrdiff_t at = 0; at < floats; at += half_size) {
            using v = half_vector;
            array_of<v, 1> x{v::load_unaligned(from + at) * v(factor)};
            kernel_detail::store_pixels<v, 1>(x, to + at, 0, adds);
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
