// Training of depthwise convolutions of 3x3 and 5x5 windows at stride 1 and 2.
#pragma once

#include <fovea/kernels/training/depthwise_tiles.hpp>
#include <fovea/kernels/training/direct_gradient.hpp>
#include <fovea/kernels/training/pair.hpp>
#include <fovea/kernels/training/partial_sums.hpp>
#include <fovea/kernels/training/product_gradient.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

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

namespace kernel_detail {

// How a depthwise layer is cut into tasks, by its size only: bands of rows, and channels whose weights and
// sums stay in the first-level cache.
struct depthwise_cut {
    int bands, channels, chunk;

    constexpr explicit depthwise_cut(const training_layer& l) noexcept
        : bands(row_bands(l.out.map.height, 8).count), channels(padded_channels(l.out.map.channels)),
          chunk(std::min(channels, 256)) {}
    constexpr int chunks() const noexcept { return (channels + chunk - 1) / chunk; }
};

// A task's part of an image, and what its tiles need: a pixel of zeros and one that nobody reads.
struct depthwise_part {
    int image, first_channel, channels;
    int band, bands;
    const float* zeros;
    float* unread;

    // The task's share of `rows` rows: the first one, or of the band behind it.
    int first_of(int rows, int behind = 0) const noexcept {
        return static_cast<int>(static_cast<std::ptrdiff_t>(rows) * (band + behind) / bands);
    }
};

} // namespace kernel_detail

template <int Kernel, int Stride>
struct training_depthwise_kernel : plain_training_kernel {
    static constexpr const char* name = "depthwise";

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return depthwise_weights::packed_floats(kernel_detail::layer_of(l));
    }
    // The workers' pixels and sums, then the parts of the weight gradient.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int workers) noexcept {
        return static_cast<std::size_t>(workers) * worker_floats(l) +
               static_cast<std::size_t>(images) * static_cast<std::size_t>(cut_type(l).bands) *
                   packed_floats(l);
    }
    static void prepare_forward(const training_layer& l, const training_operands& o, executor&) noexcept {
        kernel_detail::pack_depthwise(o.weight, o.bias, taps, l.out.map.channels, false, o.packed);
    }
    static void forward(const training_layer& l, const training_operands& o, image_range r,
                        executor& ex) noexcept {
        const layer one = kernel_detail::layer_of(l);
        for_each_part(l, r, ex, o.scratch, [&](const part_type& p, int, float*) {
            correlate<Stride>(one, o.input + p.image * l.in.image_stride, o.packed,
                              o.output + p.image * l.out.image_stride, false, p);
        });
    }
    static void prepare_backward(const training_layer& l, const training_operands& o, executor&) noexcept {
        if (o.input_gradient != nullptr)
            kernel_detail::pack_depthwise(o.weight, nullptr, taps, l.out.map.channels, Stride == 1, o.packed);
    }
    static void backward(const training_layer& l, const training_operands& o, image_range r,
                         executor& ex) noexcept {
        using namespace kernel_detail;
        add_bias_gradient(l, o, r, ex);
        const std::size_t floats = packed_floats(l);
        float* const parts = o.scratch + static_cast<std::size_t>(ex.concurrency()) * worker_floats(l);
        for_each_part(l, r, ex, o.scratch, [&](const part_type& p, int number, float* sums) {
            const float* const gradient = o.output_gradient + p.image * l.out.image_stride;
            if (o.weight_gradient != nullptr)
                sum_taps(layer_of(l), o.input + p.image * l.in.image_stride, gradient, p, sums,
                         parts + static_cast<std::size_t>(number) * floats);
            if (o.input_gradient != nullptr)
                write_input_gradient(layer_of(l), gradient, o.packed,
                                     o.input_gradient + p.image * l.in.image_stride, o.adds_input, p);
        });
        if (o.weight_gradient != nullptr)
            add_partial_sums(parts, r.count() * cut_type(l).bands, static_cast<std::ptrdiff_t>(floats),
                             taps + 1, 1, taps, l.out.map.channels, o.weight_gradient);
    }

private:
    using cut_type = kernel_detail::depthwise_cut;
    using part_type = kernel_detail::depthwise_part;

    static constexpr int taps = Kernel * Kernel, pixels = kernel_detail::depthwise_pixels;

    // A pixel of zeros, one that nobody reads, and a chunk's sums.
    static constexpr std::size_t worker_floats(const training_layer& l) noexcept {
        return static_cast<std::size_t>((2 + 1 + taps) * cut_type(l).chunk);
    }
    // f(part, number of its band among all images' bands, sums).
    template <class Function>
    static void for_each_part(const training_layer& l, image_range r, executor& ex, float* scratch,
                              const Function& f) noexcept {
        const cut_type cut(l);
        const int chunks = cut.chunks();
        parallel_for(ex, workers_for(kernel_detail::layer_of(l, r.count()), ex),
                     r.count() * cut.bands * chunks, [&](int task, int worker) {
                         float* const memory = scratch + static_cast<std::size_t>(worker) * worker_floats(l);
                         std::fill_n(memory, 2 * cut.chunk, 0.0F);
                         const int first = task % chunks * cut.chunk, band = task / chunks;
                         f({r.first + band / cut.bands, first, std::min(cut.chunk, cut.channels - first),
                            band % cut.bands, cut.bands, memory, memory + cut.chunk},
                           band, memory + 2 * cut.chunk);
                     });
    }
    // Rows of a correlation; `l` is the convolution, or turned round.
    template <int StrideOf>
    static void correlate(const layer& l, const float* input, const float* packed, float* output, bool adds,
                          const part_type& p) noexcept {
        using window = kernel_detail::depthwise_window_pixels<Kernel, StrideOf>;
        array_of<const float*, window::count> in;
        array_of<float*, pixels> out;
        const float* const weights = packed + depthwise_weights::offset(taps, p.first_channel);
        const int last = p.first_of(l.out.height, 1);
        for (int y = p.first_of(l.out.height); y < last; ++y)
            for (int x = 0; x < l.out.width; x += pixels) {
                kernel_detail::find_pixels(input + p.first_channel, l.in, y * StrideOf - l.win.pad_top,
                                           x * StrideOf - l.win.pad_left, Kernel, window::columns, p.zeros,
                                           in);
                kernel_detail::find_pixels(output + p.first_channel, l.out, y, x, 1, pixels, p.unread, out);
                kernel_detail::correlate_tile<Kernel, StrideOf>(in, weights, p.channels, adds, out);
            }
    }
    static void write_input_gradient(const layer& l, const float* output_gradient, const float* packed,
                                     float* input_gradient, bool adds, const part_type& p) noexcept {
        if constexpr (Stride == 1)
            correlate<1>(kernel_detail::turned_layer(l), output_gradient, packed, input_gradient, adds, p);
        else
            transpose(l, output_gradient, packed, input_gradient, adds, p);
    }
    static void transpose(const layer& l, const float* output_gradient, const float* packed,
                          float* input_gradient, bool adds, const part_type& p) noexcept {
        using tile = kernel_detail::transposed_tile<Kernel>;
        array_of<const float*, (tile::reach + 1) * tile::columns> in;
        array_of<float*, 2 * tile::width> out;
        const float* const weights = packed + depthwise_weights::offset(taps, p.first_channel);
        const int first_row = l.win.pad_top / 2, first_column = l.win.pad_left / 2;
        const int rows = (l.win.pad_top + l.in.height - 1) / 2 + 1 - first_row;
        const int columns = (l.win.pad_left + l.in.width - 1) / 2 + 1;
        const int last = first_row + p.first_of(rows, 1);
        for (int i = first_row + p.first_of(rows); i < last; ++i)
            for (int j = first_column; j < columns; j += tile::pairs) {
                kernel_detail::find_pixels(output_gradient + p.first_channel, l.out, i - tile::reach,
                                           j - tile::reach, tile::reach + 1, tile::columns, p.zeros, in);
                kernel_detail::find_pixels(input_gradient + p.first_channel, l.in, 2 * i - l.win.pad_top,
                                           2 * j - l.win.pad_left, 2, tile::width, p.unread, out);
                tile::run(in, weights, p.channels, adds, out);
            }
    }
    // total = the sums over the part's pixels, laid out as weights. Some hundred pixels at a time are summed
    // apart: longer chains of additions would lose digits.
    static void sum_taps(const layer& l, const float* input, const float* output_gradient, const part_type& p,
                         float* sums, float* total) noexcept {
        using window = kernel_detail::depthwise_window_pixels<Kernel, Stride>;
        constexpr int block_pixels = 512;
        array_of<const float*, window::count> in;
        array_of<const float*, pixels> gradient;
        const std::ptrdiff_t floats = depthwise_weights::offset(taps, p.channels);
        total += depthwise_weights::offset(taps, p.first_channel);
        std::fill_n(total, floats, 0.0F);
        const int rows = std::max(1, block_pixels / l.out.width), last = p.first_of(l.out.height, 1);
        for (int first = p.first_of(l.out.height); first < last; first += rows) {
            std::fill_n(sums, floats, 0.0F);
            for (int y = first; y < std::min(last, first + rows); ++y)
                for (int x = 0; x < l.out.width; x += pixels) {
                    kernel_detail::find_pixels(input + p.first_channel, l.in, y * Stride - l.win.pad_top,
                                               x * Stride - l.win.pad_left, Kernel, window::columns, p.zeros,
                                               in);
                    kernel_detail::find_pixels(output_gradient + p.first_channel, l.out, y, x, 1, pixels,
                                               p.zeros, gradient);
                    kernel_detail::sum_taps_of_tile<Kernel, Stride>(in, gradient, p.channels, sums);
                }
            for (std::ptrdiff_t i = 0; i < floats; i += half_size)
                (half_vector::load_unaligned(total + i) + half_vector::load_unaligned(sums + i))
                    .store_unaligned(total + i);
        }
    }
};

FOVEA_ARCH_NAMESPACE_END
