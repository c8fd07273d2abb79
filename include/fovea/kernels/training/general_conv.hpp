// Training of any other convolution: the kernels of inference forward, and backward where the input gradient
// is a convolution itself; gradients out of matrix products.
#pragma once

#include <fovea/kernels/general_conv.hpp>
#include <fovea/kernels/simd/dense_conv.hpp>
#include <fovea/kernels/training/conv_gradient.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

struct training_general_conv_kernel : plain_training_kernel {
    static constexpr const char* name = "general_conv";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        using namespace kernel_detail;
        const std::size_t forward = is_dense(l) ? dense_conv_kernel::packed_floats(layer_of(l))
                                                : general_conv_kernel::packed_floats(layer_of(l));
        return std::max(forward, is_turned(l) ? dense_conv_kernel::packed_floats(turned_layer(layer_of(l)))
                                              : scattered_gradient::packed_floats(l));
    }
    static constexpr std::size_t scratch_floats(const training_layer& l, int, int workers) noexcept {
        using namespace kernel_detail;
        return std::max(tap_gradient::scratch_floats(l, workers),
                        scattered_gradient::scratch_floats(l, workers));
    }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        using namespace kernel_detail;
        const int channels = l.in.map.channels, outputs = l.out.map.channels, taps = taps_of(l);
        if (is_dense(l)) {
            pack_dense(
                layer_of(l), o.bias,
                [=, w = o.weight](int k, int c) {
                    return w[(static_cast<std::ptrdiff_t>(c) * channels + k % channels) * taps +
                             k / channels];
                },
                o.packed, ex);
            return;
        }
        const std::ptrdiff_t weights = static_cast<std::ptrdiff_t>(outputs) * (channels / l.groups) * taps;
        float* const bias = std::copy_n(o.weight, weights, o.packed);
        if (o.bias != nullptr)
            std::copy_n(o.bias, outputs, bias);
        else
            std::fill_n(bias, outputs, 0.0F);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        using namespace kernel_detail;
        const layer one = layer_of(l);
        for_each_image(l, r, ex, [&](int n, executor& of_image, int) {
            operands x;
            x.input = o.input + n * l.in.image_stride;
            x.weights = o.packed;
            x.output = o.output + n * l.out.image_stride;
            if (is_dense(l))
                dense_conv_kernel::run(one, x, of_image);
            else
                general_conv_kernel::run(one, x, of_image);
        });
    }
    static void prepare_backward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        using namespace kernel_detail;
        if (o.input_gradient == nullptr)
            return;
        if (!is_turned(l))
            return scattered_gradient(l).pack(o.weight, o.packed, ex);
        const int channels = l.in.map.channels, outputs = l.out.map.channels, taps = taps_of(l);
        pack_dense(
            turned_layer(layer_of(l)), nullptr,
            [=, w = o.weight](int k, int c) {
                return w[(static_cast<std::ptrdiff_t>(k % outputs) * channels + c) * taps + taps - 1 -
                         k / outputs];
            },
            o.packed, ex);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        add_bias_gradient(l, o, r, ex);
        if (o.weight_gradient != nullptr)
            tap_gradient(l).run(o, r, ex);
        if (o.input_gradient == nullptr)
            return;
        if (!is_turned(l))
            return scattered_gradient(l).run(o, r, ex);
        const layer turned = turned_layer(layer_of(l));
        for_each_image(l, r, ex, [&](int n, executor& of_image, int) {
            operands x;
            x.input = o.output_gradient + n * l.out.image_stride;
            x.weights = o.packed;
            x.output = o.input_gradient + n * l.in.image_stride;
            x.residual = o.adds_input ? x.output : nullptr;
            dense_conv_kernel::run(turned, x, of_image);
        });
    }

private:
    static constexpr bool is_dense(const training_layer& l) noexcept {
        return l.groups == 1 && kernel_detail::taps_of(l) <= kernel_detail::max_taps;
    }
    // Whether the input gradient is a convolution with the window turned round. A gradient without padding
    // between its pixels cannot be its own residual.
    static constexpr bool is_turned(const training_layer& l) noexcept {
        const window& w = l.win;
        return is_dense(l) && w.stride_height == 1 && w.stride_width == 1 &&
               w.pad_top <= (w.kernel_height - 1) * w.dilation &&
               w.pad_left <= (w.kernel_width - 1) * w.dilation &&
               l.in.map.stride == padded_channels(l.in.map.channels);
    }
    // As dense_conv_kernel::pack(), from weights anywhere in memory: product k is [tap][input channel].
    template <class WeightAt>
    static void pack_dense(const layer& l, const float* bias, const WeightAt& weight_at, float* packed,
                           executor& ex) noexcept {
        kernel_detail::pack_columns(bias, dense_conv_kernel::products(l), l.out.channels, weight_at, packed,
                                    ex);
        std::fill_n(packed + packed_matrix_floats(dense_conv_kernel::products(l), l.out.channels),
                    padded_channels(l.in.channels), 0.0F);
    }
};

FOVEA_ARCH_NAMESPACE_END
