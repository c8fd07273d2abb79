// Training of pointwise convolutions and linear layers: three matrix products.
#pragma once

#include <fovea/kernels/training/pair.hpp>
#include <fovea/kernels/training/product_gradient.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

struct training_pointwise_kernel : plain_training_kernel {
    static constexpr const char* name = "pointwise";

    // The weights, transposed for the backward pass.
    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return std::max(packed_matrix_floats(in(l), out(l)), packed_matrix_floats(out(l), in(l)));
    }
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int workers) noexcept {
        using namespace kernel_detail;
        return std::max(
            matrix_product::scratch_floats(rows_of(l.out, images), rows_of(l.in, images), true, workers),
            product_gradient::scratch_floats(rows_of(l.out, images), rows_of(l.in, images), workers));
    }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        kernel_detail::pack_columns(
            o.bias, in(l), out(l),
            [w = o.weight, depth = static_cast<std::ptrdiff_t>(in(l))](int k, int c) {
                return w[c * depth + k];
            },
            o.packed, ex);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        using namespace kernel_detail;
        matrix_product(rows_of(l.in, r.count()), rows_of(l.out, r.count()), false)
            .run(o.input + r.first * l.in.image_stride, o.packed, o.output + r.first * l.out.image_stride,
                 nullptr, ex);
    }
    static void prepare_backward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        if (o.input_gradient == nullptr)
            return;
        kernel_detail::pack_columns(
            nullptr, out(l), in(l),
            [w = o.weight, columns = static_cast<std::ptrdiff_t>(in(l))](int k, int c) {
                return w[k * columns + c];
            },
            o.packed, ex);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        const product_rows x = rows_of(l.in, r.count()), y = rows_of(l.out, r.count());
        const float* output_gradient = o.output_gradient + r.first * l.out.image_stride;
        add_bias_gradient(l, o, r, ex);
        if (o.weight_gradient != nullptr)
            product_gradient(y, x).run(output_gradient, o.input + r.first * l.in.image_stride,
                                       o.weight_gradient, o.scratch, ex);
        if (o.input_gradient != nullptr)
            matrix_product(y, x, o.adds_input)
                .run(output_gradient, o.packed, o.input_gradient + r.first * l.in.image_stride, o.scratch,
                     ex);
    }

private:
    static constexpr int in(const training_layer& l) noexcept { return l.in.map.channels; }
    static constexpr int out(const training_layer& l) noexcept { return l.out.map.channels; }
};

FOVEA_ARCH_NAMESPACE_END
