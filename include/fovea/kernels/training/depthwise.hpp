// Training of depthwise convolutions of 3x3 and 5x5 windows at stride 1 and 2.
#pragma once

#include <fovea/kernels/training/depthwise_rows.hpp>
#include <fovea/kernels/training/direct_gradient.hpp>
#include <fovea/kernels/training/partial_sums.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The input gradient of a depthwise convolution at stride 1, itself a convolution with the window turned
// round.
constexpr layer turned_layer(const layer& l) noexcept {
    layer t = l;
    t.in = l.out;
    t.out = l.in;
    t.win.pad_top = l.win.kernel_height - 1 - l.win.pad_top;
    t.win.pad_left = l.win.kernel_width - 1 - l.win.pad_left;
    return t;
}

// Packs as depthwise_weights::pack() does; `turned`: the last tap first.
inline void pack_depthwise(const float* weight, const float* bias, int taps, int channels, bool turned,
                           float* packed) noexcept {
    for_each_vector(0, padded_channels(channels), [&](auto tag, int first) {
        const int last = first + static_cast<int>(decltype(tag)::size);
        for (int c = first; c < last; ++c)
            *packed++ = bias != nullptr && c < channels ? bias[c] : 0.0F;
        for (int tap = 0; tap < taps; ++tap)
            for (int c = first; c < last; ++c)
                *packed++ = c < channels ? weight[c * taps + (turned ? taps - 1 - tap : tap)] : 0.0F;
    });
}

} // namespace kernel_detail

template <int Kernel, int Stride>
struct training_depthwise_kernel {
    static constexpr const char* name = "depthwise";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return depthwise_weights::packed_floats(kernel_detail::layer_of(l));
    }
    // The workers' rings and rows, then the parts of the weight gradient.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int workers) noexcept {
        return static_cast<std::size_t>(workers) * worker_floats(l) +
               static_cast<std::size_t>(images) * static_cast<std::size_t>(gradient_bands(l).count) *
                   packed_floats(l);
    }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor&) noexcept {
        kernel_detail::pack_depthwise(o.weight, o.bias, taps, l.out.map.channels, false, o.packed);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        using namespace kernel_detail;
        const layer one = layer_of(l);
        const depthwise_strips strips(one);
        for_each_band(l, r, one.out.height, ex, o.scratch, [&](int n, int first, int last, float* scratch) {
            float* const output = o.output + n * l.out.image_stride;
            strips.run(o.input + n * l.in.image_stride, first, last, scratch,
                       [&](const block_ring& ring, int y, int end) {
                           correlate_rows<Kernel, Stride>(ring, one, o.packed, y, end, output, false,
                                                          nullptr);
                       });
        });
    }
    static void prepare_backward(const training_layer& l, const training_operands& o, executor&) noexcept {
        if (o.input_gradient != nullptr)
            kernel_detail::pack_depthwise(o.weight, nullptr, taps, l.out.map.channels, Stride == 1, o.packed);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        if (o.weight_gradient != nullptr || o.bias_gradient != nullptr)
            sum_weight_gradient(l, o, r, ex);
        if (o.input_gradient != nullptr)
            compute_input_gradient(l, o, r, ex);
    }
    static constexpr training_kernel pair() noexcept {
        training_kernel k;
        k.name = name;
        k.packed_floats = &packed_floats;
        k.scratch_floats = &scratch_floats;
        k.prepare_forward = &prepare_forward;
        k.forward = &forward;
        k.prepare_backward = &prepare_backward;
        k.backward = &backward;
        return k;
    }

private:
    static constexpr int taps = Kernel * Kernel;

    static constexpr layer gradient_layer(const training_layer& l) noexcept {
        const layer one = kernel_detail::layer_of(l);
        if constexpr (Stride == 1)
            return kernel_detail::turned_layer(one);
        else
            return kernel_detail::transposed_rows<Kernel>::pairs_of(one);
    }
    static constexpr kernel_detail::row_bands gradient_bands(const training_layer& l) noexcept {
        return {l.out.map.height, 16};
    }
    static constexpr std::size_t row_floats(const training_layer& l) noexcept {
        return static_cast<std::size_t>(l.in.map.width + 2) * static_cast<std::size_t>(vector_size);
    }
    static constexpr std::size_t ring_floats(const training_layer& l) noexcept {
        return std::max(kernel_detail::depthwise_strips(kernel_detail::layer_of(l)).scratch_floats(),
                        kernel_detail::depthwise_strips(gradient_layer(l)).scratch_floats());
    }
    static constexpr std::size_t worker_floats(const training_layer& l) noexcept {
        return ring_floats(l) + (row_floats(l) + 15) / 16 * 16;
    }
    // f(image, first row, last row, scratch) over bands of `rows` rows. Rows are computed alike wherever a
    // band begins.
    template <class Function>
    static void for_each_band(const training_layer& l, image_range r, int rows, executor& ex, float* scratch,
                              const Function& f) noexcept {
        constexpr int least_rows = 16;
        const int workers = workers_for(kernel_detail::layer_of(l, r.count()), ex);
        const int bands =
            workers == 1 || r.count() >= 4 * workers ? 1 : kernel_detail::row_bands(rows, least_rows).count;
        const std::size_t floats = worker_floats(l);
        parallel_for(ex, workers, r.count() * bands, [&](int task, int worker) {
            const int band = task % bands;
            f(r.first + task / bands, rows * band / bands, rows * (band + 1) / bands,
              scratch + static_cast<std::size_t>(worker) * floats);
        });
    }
    static void compute_input_gradient(const training_layer& l, const training_operands& o, image_range r,
                                       executor& ex) noexcept {
        using namespace kernel_detail;
        const layer one = layer_of(l), turned = gradient_layer(l);
        const depthwise_strips strips(turned);
        for_each_band(l, r, turned.out.height, ex, o.scratch,
                      [&](int n, int first, int last, float* scratch) {
                          float* const gradient = o.input_gradient + n * l.in.image_stride;
                          float* const row = scratch + ring_floats(l);
                          strips.run(o.output_gradient + n * l.out.image_stride, first, last, scratch,
                                     [&](const block_ring& ring, int y, int end) {
                                         if constexpr (Stride == 1)
                                             correlate_rows<Kernel, 1>(ring, turned, o.packed, y, end,
                                                                       gradient, o.adds_input, row);
                                         else
                                             transposed_rows<Kernel>::run(ring, one, o.packed, y, end,
                                                                          gradient, o.adds_input, row);
                                     });
                      });
    }
    static void sum_weight_gradient(const training_layer& l, const training_operands& o, image_range r,
                                    executor& ex) noexcept {
        using namespace kernel_detail;
        const layer one = layer_of(l);
        const depthwise_strips strips(one);
        const row_bands bands = gradient_bands(l);
        const int workers = workers_for(layer_of(l, r.count()), ex), channels = l.out.map.channels;
        const std::size_t floats = worker_floats(l), part = packed_floats(l);
        float* const parts = o.scratch + static_cast<std::size_t>(ex.concurrency()) * floats;
        parallel_for(ex, workers, r.count() * bands.count, [&](int task, int worker) {
            const int n = r.first + task / bands.count, band = task % bands.count;
            float* const sums = parts + static_cast<std::size_t>(task) * part;
            std::fill_n(sums, part, 0.0F);
            strips.run(o.input + n * l.in.image_stride, bands.first_of(band), bands.first_of(band + 1),
                       o.scratch + static_cast<std::size_t>(worker) * floats,
                       [&](const block_ring& ring, int y, int end) {
                           depthwise_tap_sums<Kernel, Stride>::run(
                               ring, one, o.output_gradient + n * l.out.image_stride, y, end, sums);
                       });
        });
        const auto add = [&](int first, int count, float* gradient) {
            if (gradient != nullptr)
                add_partial_sums(parts, r.count() * bands.count, static_cast<std::ptrdiff_t>(part), taps + 1,
                                 first, count, channels, gradient);
        };
        add(0, 1, o.bias_gradient);
        add(1, taps, o.weight_gradient);
    }
};

FOVEA_ARCH_NAMESPACE_END
