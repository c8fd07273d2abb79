// Training of depthwise convolutions with any window, stride and dilation.
#pragma once

#include <fovea/kernels/simd/depthwise_any.hpp>
#include <fovea/kernels/training/depthwise.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

struct training_depthwise_any_kernel : plain_training_kernel {
    static constexpr const char* name = "depthwise_any";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return depthwise_weights::packed_floats(kernel_detail::layer_of(l));
    }
    // The parts of the weight gradient.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int) noexcept {
        return static_cast<std::size_t>(images) * static_cast<std::size_t>(bands(l).count) * packed_floats(l);
    }
    static void prepare(const training_layer& l, const training_operands& o, executor&) noexcept {
        kernel_detail::pack_depthwise(o.weight, o.bias, taps(l), l.out.map.channels, false, o.packed);
    }
    static constexpr training_kernel::call prepare_forward = &prepare, prepare_backward = &prepare;
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        const layer one = kernel_detail::layer_of(l);
        const int height = one.out.height;
        parallel_for(ex, workers_for(kernel_detail::layer_of(l, r.count()), ex), r.count() * height,
                     [&](int task, int) {
                         const int n = r.first + task / height, y = task % height;
                         operands x;
                         x.input = o.input + n * l.in.image_stride;
                         x.weights = o.packed;
                         x.output = o.output + n * l.out.image_stride;
                         kernel_detail::depthwise_any_rows(one, x).run(y, y + 1);
                     });
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        if (o.weight_gradient != nullptr || o.bias_gradient != nullptr)
            sum_weight_gradient(l, o, r, ex);
        if (o.input_gradient == nullptr)
            return;
        const int height = l.in.map.height;
        parallel_for(ex, workers_for(kernel_detail::layer_of(l, r.count()), ex), r.count() * height,
                     [&](int task, int) {
                         for (int x = 0; x < l.in.map.width; ++x)
                             write_pixel_gradient(l, o, r.first + task / height, task % height, x);
                     });
    }

private:
    static constexpr int taps(const training_layer& l) noexcept {
        return l.win.kernel_height * l.win.kernel_width;
    }
    static constexpr kernel_detail::row_bands bands(const training_layer& l) noexcept {
        return {l.out.map.height, 16};
    }
    // f(tap, offset of the output's pixel) for each output under whose windows an input pixel lies.
    template <class Function>
    static FOVEA_INLINE void for_each_output(const training_layer& l, int y, int x, Function&& f) noexcept {
        const window& w = l.win;
        for (int ky = 0; ky < w.kernel_height; ++ky) {
            const int from_y = y + w.pad_top - ky * w.dilation;
            if (from_y < 0 || from_y % w.stride_height != 0 || from_y / w.stride_height >= l.out.map.height)
                continue;
            for (int kx = 0; kx < w.kernel_width; ++kx) {
                const int from_x = x + w.pad_left - kx * w.dilation;
                if (from_x < 0 || from_x % w.stride_width != 0 || from_x / w.stride_width >= l.out.map.width)
                    continue;
                const std::ptrdiff_t row =
                    static_cast<std::ptrdiff_t>(from_y / w.stride_height) * l.out.map.width;
                f(ky * w.kernel_width + kx, (row + from_x / w.stride_width) * l.out.map.stride);
            }
        }
    }
    static void write_pixel_gradient(const training_layer& l, const training_operands& o, int n, int y,
                                     int x) noexcept {
        const float* const output = o.output_gradient + n * l.out.image_stride;
        float* const gradient = o.input_gradient + n * l.in.image_stride +
                                (static_cast<std::ptrdiff_t>(y) * l.in.map.width + x) * l.in.map.stride;
        for_each_vector(0, padded_channels(l.in.map.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            constexpr int size = static_cast<int>(v::size);
            const float* const weights = o.packed + depthwise_weights::offset(taps(l), c) + size;
            v sum(0.0F);
            for_each_output(l, y, x, [&](int tap, std::ptrdiff_t pixel) {
                sum = multiply_add(v::load_unaligned(output + pixel + c),
                                   v::load_unaligned(weights + tap * size), sum);
            });
            (o.adds_input ? v::load_unaligned(gradient + c) + sum : sum).store_unaligned(gradient + c);
        });
    }
    // One row of output gradients times the input under each tap.
    static void sum_row(const training_layer& l, const float* input, const float* output_gradient, int y,
                        float* sums) noexcept {
        const window& w = l.win;
        const int top = y * w.stride_height - w.pad_top;
        const kernel_detail::tap_range rows(top, w.kernel_height, w.dilation, l.in.map.height);
        const float* const row =
            output_gradient + static_cast<std::ptrdiff_t>(y) * l.out.map.width * l.out.map.stride;
        for_each_vector(0, padded_channels(l.out.map.channels), [&](auto tag, int c) {
            using v = decltype(tag);
            constexpr int size = static_cast<int>(v::size);
            float* const to = sums + depthwise_weights::offset(taps(l), c);
            const auto add = [](v sum, float* at) { (v::load_unaligned(at) + sum).store_unaligned(at); };
            v bias(0.0F);
            for (int x = 0; x < l.out.map.width; ++x)
                bias += v::load_unaligned(row + static_cast<std::ptrdiff_t>(x) * l.out.map.stride + c);
            add(bias, to);
            for (int ky = rows.begin; ky < rows.end; ++ky)
                for (int kx = 0; kx < w.kernel_width; ++kx) {
                    const std::ptrdiff_t in_row =
                        static_cast<std::ptrdiff_t>(top + ky * w.dilation) * l.in.map.width;
                    v sum(0.0F);
                    for (int x = 0; x < l.out.map.width; ++x) {
                        const int ix = x * w.stride_width - w.pad_left + kx * w.dilation;
                        if (ix >= 0 && ix < l.in.map.width)
                            sum = multiply_add(
                                v::load_unaligned(row + static_cast<std::ptrdiff_t>(x) * l.out.map.stride +
                                                  c),
                                v::load_unaligned(input + (in_row + ix) * l.in.map.stride + c), sum);
                    }
                    add(sum, to + (1 + ky * w.kernel_width + kx) * size);
                }
        });
    }
    static void sum_weight_gradient(const training_layer& l, const training_operands& o, image_range r,
                                    executor& ex) noexcept {
        const kernel_detail::row_bands cut = bands(l);
        const std::size_t part = packed_floats(l);
        const int count = r.count() * cut.count, channels = l.out.map.channels;
        parallel_for(ex, workers_for(kernel_detail::layer_of(l, r.count()), ex), count, [&](int task, int) {
            const int n = r.first + task / cut.count, band = task % cut.count;
            float* const sums = o.scratch + static_cast<std::size_t>(task) * part;
            std::fill_n(sums, part, 0.0F);
            for (int y = cut.first_of(band); y < cut.first_of(band + 1); ++y)
                sum_row(l, o.input + n * l.in.image_stride, o.output_gradient + n * l.out.image_stride, y,
                        sums);
        });
        const auto add = [&](int first, int slots, float* gradient) {
            if (gradient != nullptr)
                kernel_detail::add_partial_sums(o.scratch, count, static_cast<std::ptrdiff_t>(part),
                                                taps(l) + 1, first, slots, channels, gradient);
        };
        add(0, 1, o.bias_gradient);
        add(1, taps(l), o.weight_gradient);
    }
};

FOVEA_ARCH_NAMESPACE_END
