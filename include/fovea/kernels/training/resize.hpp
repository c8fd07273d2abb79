// Training of resizes: inference's kernel forward and its adjoint.
#pragma once

#include <fovea/kernels/simd/resize.hpp>
#include <fovea/kernels/training/channel_blocks.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// op::resize: an output's gradient goes to every pixel that it was blended of, by the same weights. Maps have
// padded channels.
struct training_resize_kernel : plain_training_kernel {
    static constexpr const char* name = "resize";

    static constexpr std::size_t scratch_floats(const training_layer& l, int, int workers) noexcept {
        return resize_kernel::scratch_floats(kernel_detail::inference_layer(l), false) *
               static_cast<std::size_t>(workers);
    }

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        kernel_detail::forward_as_inference<resize_kernel>(l, o, images, ex);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        if (o.input_gradient == nullptr)
            return;
        kernel_detail::for_each_channel_block(l, o, images, ex, [&](int image, int first, int last) {
            switch (l.resize.mode) {
            case resize_method::mode_type::nearest:
                return scatter<1>(l, o, image, first, last);
            case resize_method::mode_type::bilinear:
                return scatter<2>(l, o, image, first, last);
            case resize_method::mode_type::bicubic:
                return scatter<4>(l, o, image, first, last);
            }
        });
    }

private:
    template <std::size_t N>
    static void scatter(const training_layer& l, const training_operands& o, int image, int first,
                        int last) noexcept {
        using namespace kernel_detail;
        const map_layout &in = l.in.map, &out = l.out.map;
        const resized_axis<N> rows(in.height, out.height, l.resize, l.resize.height_factor);
        const resized_axis<N> columns(in.width, out.width, l.resize, l.resize.width_factor);
        const float* from = image_of(o.output_gradient, l.out, image);
        float* const to = image_of(o.input_gradient, l.in, image);
        for (int y = 0; y < out.height; ++y) {
            const axis_taps<N> row = rows.at(y);
            for (int x = 0; x < out.width; ++x, from += out.stride) {
                const axis_taps<N> column = columns.at(x);
                for (std::size_t i = 0; i < N; ++i)
                    for (std::size_t j = 0; j < N; ++j) {
                        const std::size_t pixel =
                            row.index[i] * static_cast<std::size_t>(in.width) + column.index[j];
                        add_scaled(from, row.weight[i] * column.weight[j], first, last,
                                   to + pixel * static_cast<std::size_t>(in.stride));
                    }
            }
        }
    }
    static FOVEA_INLINE void add_scaled(const float* from, float weight, int first, int last,
                                        float* to) noexcept {
        for_each_vector(first, last, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            multiply_add(v::load_unaligned(from + c), v(weight), v::load_unaligned(to + c))
                .store_unaligned(to + c);
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
