// Training of the mean over a map.
#pragma once

#include <fovea/kernels/training/norm_passes.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// op::global_average_pool: the mean of each channel; each pixel's gradient is the mean's share. Maps have
// padded channels.
struct training_global_average_pool_kernel : plain_training_kernel {
    static constexpr const char* name = "global_average_pool";

    // Each chunk's sum.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int) noexcept {
        return static_cast<std::size_t>(images) * static_cast<std::size_t>(l.in.map.stride) *
               static_cast<std::size_t>(detail::pixel_chunks(l.in.map).count());
    }

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        using namespace kernel_detail;
        const int stride = l.in.map.stride, chunks = detail::pixel_chunks(l.in.map).count();
        const auto sums = [&](int image, int chunk) {
            return o.scratch + (static_cast<std::ptrdiff_t>(image - images.first) * chunks + chunk) * stride;
        };
        for_each_chunk(l.in.map, images, ex, [&](int image, int chunk, int first, int pixels) {
            sum_pixels(image_of(o.input, l.in, image) + static_cast<std::ptrdiff_t>(first) * stride, pixels,
                       stride, sums(image, chunk));
        });
        for (int image = images.first; image < images.last; ++image)
            sum_chunks(sums(image, 0), chunks, stride, 1.0F / static_cast<float>(l.in.map.pixels()),
                       image_of(o.output, l.out, image), false);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        if (o.input_gradient == nullptr)
            return;
        const int stride = l.in.map.stride;
        const float share = 1.0F / static_cast<float>(l.in.map.pixels());
        for_each_chunk(l.in.map, images, ex, [&](int image, int, int first, int pixels) {
            const float* const mean = image_of(o.output_gradient, l.out, image);
            float* const gradient =
                image_of(o.input_gradient, l.in, image) + static_cast<std::ptrdiff_t>(first) * stride;
            for_each_pixel_block<4>(pixels, stride,
                                    [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                                        using v = decltype(tag);
                                        constexpr int count = n;
                                        array_of<v, count> g;
                                        FOVEA_UNROLL
                                        for (int i = 0; i < count; ++i)
                                            g[i] = v::load_unaligned(mean + c) * v(share);
                                        store_pixels<v, count>(g, gradient + at, stride, o.adds_input);
                                    });
        });
    }

private:
    static void sum_pixels(const float* input, int pixels, int stride, float* sums) noexcept {
        using namespace kernel_detail;
        std::fill_n(sums, stride, 0.0F);
        for_each_pixel_block<8>(
            pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                constexpr int count = n;
                array_of<v, count> x;
                load_pixels<v, count>(input + at, stride, x);
                (v::load_unaligned(sums + c) + sum_of<v, count>(x)).store_unaligned(sums + c);
            });
    }
};

FOVEA_ARCH_NAMESPACE_END
