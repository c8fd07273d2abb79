// Training of any other convolution, by plain loops.
#pragma once

#include <fovea/kernels/general_conv.hpp>
#include <fovea/kernels/training/direct_gradient.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

struct training_general_conv_kernel {
    static constexpr const char* name = "general_conv";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return general_conv_kernel::packed_floats(kernel_detail::layer_of(l));
    }
    static constexpr std::size_t scratch_floats(const training_layer&, int, int) noexcept { return 0; }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor&) noexcept {
        const int outputs = l.out.map.channels;
        float* const bias = std::copy_n(o.weight, weights_of_output(l) * outputs, o.packed);
        if (o.bias != nullptr)
            std::copy_n(o.bias, outputs, bias);
        else
            std::fill_n(bias, outputs, 0.0F);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        const layer one = kernel_detail::layer_of(l);
        for (int n = r.first; n < r.last; ++n) {
            operands x;
            x.input = o.input + n * l.in.image_stride;
            x.weights = o.packed;
            x.output = o.output + n * l.out.image_stride;
            general_conv_kernel::run(one, x, ex);
        }
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        const int workers = workers_for(kernel_detail::layer_of(l, r.count()), ex);
        parallel_for(ex, workers, l.out.map.channels, [&](int c, int) {
            for (int n = r.first; n < r.last; ++n)
                sum_channel(l, o, n, c);
        });
        if (o.input_gradient != nullptr)
            kernel_detail::add_input_gradient(l, o, r, ex);
    }
    static constexpr training_kernel pair() noexcept {
        training_kernel k;
        k.name = name;
        k.packed_floats = &packed_floats;
        k.scratch_floats = &scratch_floats;
        k.prepare_forward = &prepare_forward;
        k.forward = &forward;
        k.backward = &backward;
        return k;
    }

private:
    static constexpr std::ptrdiff_t weights_of_output(const training_layer& l) noexcept {
        return static_cast<std::ptrdiff_t>(l.in.map.channels / l.groups) * l.win.kernel_height *
               l.win.kernel_width;
    }
    // The gradients of one output channel's weights and bias.
    static void sum_channel(const training_layer& l, const training_operands& o, int n, int c) noexcept {
        const window& w = l.win;
        const map_layout &in = l.in.map, &out = l.out.map;
        const int members = in.channels / l.groups;
        const float* const input = o.input + n * l.in.image_stride +
                                   static_cast<std::ptrdiff_t>(c / (out.channels / l.groups)) * members;
        const float* const gradient = o.output_gradient + n * l.out.image_stride + c;
        float* weight = o.weight_gradient + c * weights_of_output(l);
        for (int m = 0; o.weight_gradient != nullptr && m < members; ++m)
            for (int ky = 0; ky < w.kernel_height; ++ky)
                for (int kx = 0; kx < w.kernel_width; ++kx, ++weight)
                    *weight += sum_pixels(l, [&](int y, int x) {
                        const int iy = y * w.stride_height - w.pad_top + ky * w.dilation;
                        const int ix = x * w.stride_width - w.pad_left + kx * w.dilation;
                        return iy < 0 || iy >= in.height || ix < 0 || ix >= in.width
                                   ? 0.0F
                                   : gradient[pixel(out, y, x)] * input[pixel(in, iy, ix) + m];
                    });
        if (o.bias_gradient != nullptr)
            o.bias_gradient[c] += sum_pixels(l, [&](int y, int x) { return gradient[pixel(out, y, x)]; });
    }
    static std::ptrdiff_t pixel(const map_layout& m, int y, int x) noexcept {
        return (static_cast<std::ptrdiff_t>(y) * m.width + x) * m.stride;
    }
    // Row by row, so that no chain of additions is long.
    template <class Function>
    static float sum_pixels(const training_layer& l, const Function& f) noexcept {
        float sum = 0;
        for (int y = 0; y < l.out.map.height; ++y) {
            float row = 0;
            for (int x = 0; x < l.out.map.width; ++x)
                row += f(y, x);
            sum += row;
        }
        return sum;
    }
};

FOVEA_ARCH_NAMESPACE_END
