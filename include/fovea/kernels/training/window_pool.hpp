// Training of pools with a sliding window: inference's kernels forward, and where the gradient goes.
#pragma once

#include <fovea/graph/training_steps.hpp>
#include <fovea/kernels/simd/window_pool.hpp>
#include <fovea/kernels/training/channel_blocks.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// A max pool's gradient goes to the first of the largest numbers in the window's order of rows, as torch's
// does; to none where that is the padding's zero, or not a number.
struct max_pool_gradient {
    static constexpr const char* name = "max_pool";
    static constexpr op kind = op::max_pool;
    using forward_kernel = window_pool_kernel<max_pooling>;

    template <class Vector>
    static FOVEA_INLINE void backpropagate(const training_layer& l, int y, int x, const float* input,
                                           Vector g, float* input_gradient) noexcept {
        Vector largest(-std::numeric_limits<float>::infinity());
        for_each_tap(l, y, x, [&](std::ptrdiff_t at) FOVEA_INLINE_LAMBDA {
            largest = larger_of(largest, at < 0 ? Vector(0.0F) : Vector::load_unaligned(input + at));
        });
        for_each_tap(l, y, x, [&](std::ptrdiff_t at) FOVEA_INLINE_LAMBDA {
            const Vector value = at < 0 ? Vector(0.0F) : Vector::load_unaligned(input + at);
            const auto here = value == largest;
            if (at >= 0)
                (Vector::load_unaligned(input_gradient + at) + xsimd::select(here, g, Vector(0.0F)))
                    .store_unaligned(input_gradient + at);
            g = xsimd::select(here, Vector(0.0F), g); // it has gone
        });
    }
    // visit(offset of the number under a tap, or -1 in a padding of zeros), in the window's order.
    template <class Visit>
    static FOVEA_INLINE void for_each_tap(const training_layer& l, int y, int x,
                                          const Visit& visit) noexcept {
        const window& w = l.win;
        const map_layout& in = l.in.map;
        const int top = y * w.stride_height - w.pad_top, left = x * w.stride_width - w.pad_left;
        for (int ky = 0; ky < w.kernel_height; ++ky)
            for (int kx = 0; kx < w.kernel_width; ++kx) {
                const int row = top + ky * w.dilation, column = left + kx * w.dilation;
                if (row >= 0 && row < in.height && column >= 0 && column < in.width)
                    visit((static_cast<std::ptrdiff_t>(row) * in.width + column) * in.stride);
                else if (l.border == pool_border::zero && row < in.height + w.pad_bottom &&
                         column < in.width + w.pad_right)
                    visit(-1);
            }
    }
};

// A mean's gradient goes to all numbers of the window in equal parts.
struct avg_pool_gradient {
    static constexpr const char* name = "avg_pool";
    static constexpr op kind = op::avg_pool;
    using forward_kernel = window_pool_kernel<average_pooling>;

    template <class Vector>
    static FOVEA_INLINE void backpropagate(const training_layer& l, int y, int x, const float*, Vector g,
                                           float* input_gradient) noexcept {
        const pool_window w(inference_layer(l), y, x);
        const Vector share = divide(g, Vector(static_cast<float>(w.taps() + w.padding)));
        for (int ky = w.rows.begin; ky < w.rows.end; ++ky)
            for (int kx = w.columns.begin; kx < w.columns.end; ++kx) {
                const std::ptrdiff_t row = w.top + ky * l.win.dilation, column = w.left + kx * l.win.dilation;
                float* const to = input_gradient + (row * l.in.map.width + column) * l.in.map.stride;
                (Vector::load_unaligned(to) + share).store_unaligned(to);
            }
    }
};

} // namespace kernel_detail

// op::max_pool and op::avg_pool. Gradient is max_pool_gradient or avg_pool_gradient. Maps have padded
// channels.
template <class Gradient>
struct training_window_pool_kernel : plain_training_kernel {
    static constexpr const char* name = Gradient::name;

    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        kernel_detail::forward_as_inference<typename Gradient::forward_kernel>(l, o, images, ex);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        if (o.input_gradient == nullptr)
            return;
        constexpr bool reads_input =
            backward_reads_input(Gradient::kind, activation::identity, weighting::none);
        for_each_channel_block(l, o, images, ex, [&](int image, int first, int last) {
            for_each_vector(first, last, [&](auto tag, int c) {
                using v = decltype(tag);
                const float* const input = reads_input ? image_of(o.input, l.in, image) + c : nullptr;
                const float* output_gradient = image_of(o.output_gradient, l.out, image) + c;
                float* const input_gradient = image_of(o.input_gradient, l.in, image) + c;
                for (int y = 0; y < l.out.map.height; ++y)
                    for (int x = 0; x < l.out.map.width; ++x, output_gradient += l.out.map.stride)
                        Gradient::template backpropagate<v>(
                            l, y, x, input, v::load_unaligned(output_gradient), input_gradient);
            });
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
