// Training of what goes number by number: activation, addition and squeeze-excite's gate.
#pragma once

#include <fovea/kernels/training/norm_passes.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = f(input): op::activate. The gradient may lie over the output's.
// output = f(input + second): op::add. Likewise, for one of the two gradients. All maps have padded channels.
struct training_elementwise_kernel : plain_training_kernel {
    static constexpr const char* name = "elementwise";

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        kernel_detail::with_activation(l.act, [&](auto f) {
            for_each_run(l, o, images, ex,
                         [&](const run& r, auto tag, auto n, std::ptrdiff_t at) FOVEA_INLINE_LAMBDA {
                             using v = decltype(tag);
                             constexpr int count = n;
                             array_of<v, count> u;
                             sum<v, count>(r, at, u);
                             f.template apply<v, count>(u);
                             kernel_detail::store_pixels<v, count>(u, r.output + at, v::size, false);
                         });
        });
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        kernel_detail::with_activation(l.act, [&](auto f) {
            for_each_run(l, o, images, ex,
                         [&](const run& r, auto tag, auto n, std::ptrdiff_t at) FOVEA_INLINE_LAMBDA {
                             using v = decltype(tag);
                             constexpr int count = n;
                             array_of<v, count> u, g;
                             kernel_detail::load_pixels<v, count>(r.output_gradient + at, v::size, g);
                             if (l.act != activation::identity) {
                                 sum<v, count>(r, at, u);
                                 f.template differentiate<v, count>(u, g);
                             }
                             if (r.input_gradient != nullptr)
                                 kernel_detail::store_pixels<v, count>(g, r.input_gradient + at, v::size,
                                                                       o.adds_input);
                             if (r.second_gradient != nullptr)
                                 kernel_detail::store_pixels<v, count>(g, r.second_gradient + at, v::size,
                                                                       o.adds_second);
                         });
        });
    }

private:
    // A chunk is as good as one long pixel.
    struct run {
        const float *input, *second;
        float* output;
        const float* output_gradient;
        float *input_gradient, *second_gradient;
    };

    template <class Vector, int N>
    static FOVEA_INLINE void sum(const run& r, std::ptrdiff_t at, array_of<Vector, N>& u) noexcept {
        kernel_detail::load_pixels<Vector, N>(r.input + at, Vector::size, u);
        if (r.second != nullptr) {
            FOVEA_UNROLL
            for (int i = 0; i < N; ++i)
                u[i] = u[i] + Vector::load_unaligned(r.second + at + i * static_cast<int>(Vector::size));
        }
    }
    // f(run, vector tag, vectors constant, offset) over all of every chunk of the range.
    template <class Function>
    static void for_each_run(const training_layer& l, const training_operands& o, image_range images,
                             executor& ex, const Function& f) noexcept {
        const std::ptrdiff_t stride = l.in.map.stride;
        kernel_detail::for_each_chunk(l.in.map, images, ex, [&](int image, int, int first, int pixels) {
            const auto place = [&](auto* batch, const batch_layout& layout) {
                auto* const map = kernel_detail::image_of(batch, layout, image);
                return map == nullptr ? nullptr : map + first * stride;
            };
            const run r{place(o.input, l.in),          place(o.second, l.second),
                        place(o.output, l.out),        place(o.output_gradient, l.out),
                        place(o.input_gradient, l.in), place(o.second_gradient, l.second)};
            constexpr int vectors = 4;
            const std::ptrdiff_t floats = pixels * stride;
            std::ptrdiff_t at = 0;
            for (; at + vectors * vector_size <= floats; at += vectors * vector_size)
                f(r, vector(0.0F), std::integral_constant<int, vectors>{}, at);
            for (; at < floats; at += half_size)
                f(r, half_vector(0.0F), std::integral_constant<int, 1>{}, at);
        });
    }
};

// output = input * gate, the gate (second) being 1x1 with the map's channels: op::scale. The input's gradient
// may lie over the output's; the gate's is a sum over the map.
struct training_scale_kernel : plain_training_kernel {
    static constexpr const char* name = "scale";

    // The gate's gradient from each chunk.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int) noexcept {
        return static_cast<std::size_t>(images) * static_cast<std::size_t>(l.in.map.stride) *
               static_cast<std::size_t>(detail::pixel_chunks(l.in.map).count());
    }

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        using namespace kernel_detail;
        const int stride = l.in.map.stride;
        for_each_chunk(l.in.map, images, ex, [&](int image, int, int first, int pixels) {
            const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first) * stride;
            const float* const input = image_of(o.input, l.in, image) + offset;
            const float* const gates = image_of(o.second, l.second, image);
            float* const output = image_of(o.output, l.out, image) + offset;
            for_each_pixel_block<4>(pixels, stride,
                                    [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                                        using v = decltype(tag);
                                        const v gate = v::load_unaligned(gates + c);
                                        constexpr int count = n;
                                        FOVEA_UNROLL
                                        for (int i = 0; i < count; ++i)
                                            (v::load_unaligned(input + at + i * stride) * gate)
                                                .store_unaligned(output + at + i * stride);
                                    });
        });
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        const std::ptrdiff_t stride = l.in.map.stride;
        const int chunks = detail::pixel_chunks(l.in.map).count();
        for_each_chunk(l.in.map, images, ex, [&](int image, int chunk, int first, int pixels) {
            const std::ptrdiff_t task = static_cast<std::ptrdiff_t>(image - images.first) * chunks + chunk;
            backward_chunk(l, o, image, first, pixels, o.scratch + task * stride);
        });
        if (o.second_gradient != nullptr)
            for (int image = images.first; image < images.last; ++image)
                sum_chunks(o.scratch + static_cast<std::ptrdiff_t>(image - images.first) * chunks * stride,
                           chunks, l.in.map.stride, 1.0F, image_of(o.second_gradient, l.second, image),
                           o.adds_second);
    }

private:
    static void backward_chunk(const training_layer& l, const training_operands& o, int image, int first,
                               int pixels, float* sums) noexcept {
        using namespace kernel_detail;
        const int stride = l.in.map.stride;
        const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first) * stride;
        const float* const input = image_of(o.input, l.in, image) + offset;
        const float* const gates = image_of(o.second, l.second, image);
        const float* const output_gradient = image_of(o.output_gradient, l.out, image) + offset;
        float* const input_gradient =
            o.input_gradient == nullptr ? nullptr : image_of(o.input_gradient, l.in, image) + offset;
        std::fill_n(sums, stride, 0.0F);
        for_each_pixel_block<4>(
            pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                constexpr int count = n;
                array_of<v, count> x, g;
                load_pixels<v, count>(input + at, stride, x);
                load_pixels<v, count>(output_gradient + at, stride, g);
                const v gate = v::load_unaligned(gates + c);
                FOVEA_UNROLL
                for (int i = 0; i < count; ++i) {
                    x[i] = x[i] * g[i];
                    g[i] = g[i] * gate;
                }
                (v::load_unaligned(sums + c) + sum_of<v, count>(x)).store_unaligned(sums + c);
                if (input_gradient != nullptr)
                    store_pixels<v, count>(g, input_gradient + at, stride, o.adds_input);
            });
    }
};

FOVEA_ARCH_NAMESPACE_END
