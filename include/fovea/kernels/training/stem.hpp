// Training of the first convolution: a few channels in, all taps of a window's row one run of numbers.
#pragma once

#include <fovea/kernels/simd/stem.hpp>
#include <fovea/kernels/training/direct_gradient.hpp>
#include <fovea/kernels/training/pair.hpp>
#include <fovea/kernels/training/partial_sums.hpp>
#include <fovea/kernels/training/product_gradient.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

template <class Window>
struct training_stem_kernel : plain_training_kernel {
    static constexpr const char* name = "stem";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return stem_kernel<Window>::packed_floats(kernel_detail::layer_of(l));
    }
    // The workers' rings, then the parts of the weight gradient.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int workers) noexcept {
        return static_cast<std::size_t>(workers) * ring_floats(l) +
               static_cast<std::size_t>(images) * static_cast<std::size_t>(bands(l).count) * part_floats(l);
    }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor& ex) noexcept {
        const int channels = l.in.map.channels, window_taps = taps(l);
        kernel_detail::pack_columns(
            o.bias, products(l), l.out.map.channels,
            [=, w = o.weight](int k, int c) {
                return w[(c * channels + k % channels) * window_taps + k / channels];
            },
            o.packed, ex);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        const layer one = kernel_detail::layer_of(l);
        kernel_detail::for_each_image(l, r, ex, [&](int n, executor& of_image, int worker) {
            operands x;
            x.input = o.input + n * l.in.image_stride;
            x.weights = o.packed;
            x.output = o.output + n * l.out.image_stride;
            x.scratch = o.scratch + static_cast<std::size_t>(worker) * ring_floats(l);
            stem_kernel<Window>::run(one, x, of_image);
        });
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        add_bias_gradient(l, o, r, ex);
        if (o.weight_gradient != nullptr)
            sum_weight_gradient(l, o, r, ex);
        if (o.input_gradient != nullptr)
            add_input_gradient(l, o, r, ex);
    }

private:
    static constexpr int taps(const training_layer& l) noexcept {
        return l.win.kernel_height * l.win.kernel_width;
    }
    static constexpr int products(const training_layer& l) noexcept { return l.in.map.channels * taps(l); }
    static constexpr std::size_t ring_floats(const training_layer& l) noexcept {
        return whole_cache_lines(stem_kernel<Window>::scratch_floats(kernel_detail::layer_of(l), false));
    }
    // [kernel row, kernel column, input channel][output channel]
    static constexpr std::size_t part_floats(const training_layer& l) noexcept {
        return static_cast<std::size_t>(products(l)) *
               static_cast<std::size_t>(padded_channels(l.out.map.channels));
    }
    static constexpr kernel_detail::row_bands bands(const training_layer& l) noexcept {
        return {l.out.map.height, 16};
    }
    // Outer products of a window's row and the output gradients under it.
    static void sum_band(const training_layer& l, const training_operands& o, int n, int first, int last,
                         float* scratch, float* sums) noexcept {
        const layer one = kernel_detail::layer_of(l);
        const int row_products = l.win.kernel_width * l.in.map.channels;
        const std::ptrdiff_t columns = padded_channels(l.out.map.channels);
        operands x;
        x.input = o.input + n * l.in.image_stride;
        kernel_detail::row_ring ring(one, x, scratch);
        for (int y = first; y < last; ++y) {
            const float* const* rows = ring.move_to(y);
            kernel_detail::outer_operands of_row{};
            of_row.rows_stride = static_cast<std::ptrdiff_t>(l.win.stride_width) * l.in.map.channels;
            of_row.columns = o.output_gradient + n * l.out.image_stride +
                             static_cast<std::ptrdiff_t>(y) * one.out.width * one.out.stride;
            of_row.columns_stride = one.out.stride;
            of_row.pixels = one.out.width;
            for (int ky = 0; ky < l.win.kernel_height; ++ky) {
                of_row.rows = rows[ky];
                kernel_detail::add_outer_products(
                    row_products, l.out.map.channels, of_row,
                    {sums + ky * row_products * columns, columns, static_cast<int>(columns), false});
            }
        }
    }
    static void sum_weight_gradient(const training_layer& l, const training_operands& o, image_range r,
                                    executor& ex) noexcept {
        const kernel_detail::row_bands cut = bands(l);
        const std::size_t part = part_floats(l), ring = ring_floats(l);
        float* const parts = o.scratch + static_cast<std::size_t>(ex.concurrency()) * ring;
        const int count = r.count() * cut.count;
        parallel_for(
            ex, workers_for(kernel_detail::layer_of(l, r.count()), ex), count, [&](int task, int worker) {
                const int band = task % cut.count;
                float* const sums = parts + static_cast<std::size_t>(task) * part;
                std::fill_n(sums, part, 0.0F);
                sum_band(l, o, r.first + task / cut.count, cut.first_of(band), cut.first_of(band + 1),
                         o.scratch + static_cast<std::size_t>(worker) * ring, sums);
            });
        const int channels = l.in.map.channels, columns = padded_channels(l.out.map.channels);
        for (int c = 0; c < l.out.map.channels; ++c)
            for (int k = 0; k < products(l); ++k) {
                float& sum = o.weight_gradient[(c * channels + k % channels) * taps(l) + k / channels];
                for (int i = 0; i < count; ++i)
                    sum +=
                        parts[static_cast<std::size_t>(i) * part + static_cast<std::size_t>(k * columns + c)];
            }
    }
};

FOVEA_ARCH_NAMESPACE_END
