// Gradients of dense and grouped convolutions with any window, out of matrix products.
#pragma once

#include <fovea/kernels/simd/tap_range.hpp>
#include <fovea/kernels/training/direct_gradient.hpp>
#include <fovea/kernels/training/product_gradient.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

constexpr int taps_of(const training_layer& l) noexcept {
    return l.win.kernel_height * l.win.kernel_width;
}

// weight_gradient[co][ci][tap] += sums over images and pixels, tap by tap: the outer products of a row of
// output gradients and the input under that tap.
class tap_gradient {
public:
    explicit tap_gradient(const training_layer& l) noexcept : l_(l) {}

    // The workers' sums and panels.
    static constexpr std::size_t scratch_floats(const training_layer& l, int workers) noexcept {
        return static_cast<std::size_t>(workers) * worker_floats(l);
    }
    // Each task is one tap of some output channels of one group.
    void run(const training_operands& o, image_range r, executor& ex) const noexcept {
        const int blocks = (outputs(l_) + block_rows - 1) / block_rows, taps = taps_of(l_);
        parallel_for(ex, workers_for(layer_of(l_, r.count()), ex), taps * blocks * l_.groups,
                     [&](int task, int worker) {
                         const int group = task / (taps * blocks), row = task / taps % blocks * block_rows;
                         add_tap(o, r, task % taps, group, row, std::min(block_rows, outputs(l_) - row),
                                 o.scratch + static_cast<std::size_t>(worker) * worker_floats(l_));
                     });
    }

private:
    static constexpr int block_rows = 48;

    static constexpr int members(const training_layer& l) noexcept { return l.in.map.channels / l.groups; }
    static constexpr int outputs(const training_layer& l) noexcept { return l.out.map.channels / l.groups; }
    static constexpr std::size_t worker_floats(const training_layer& l) noexcept {
        return (static_cast<std::size_t>(block_rows) * static_cast<std::size_t>(padded_channels(members(l))) +
                outer_panels::floats(block_rows, std::max(1, l.out.map.width)) + 15) /
               16 * 16;
    }
    void add_tap(const training_operands& o, image_range r, int tap, int group, int row, int rows,
                 float* memory) const noexcept {
        const int depth = members(l_), padded = padded_channels(depth), taps = taps_of(l_);
        float* const gradient =
            o.weight_gradient + static_cast<std::ptrdiff_t>(group * outputs(l_) + row) * depth * taps + tap;
        for (int n = r.first; n < r.last; ++n) {
            std::fill_n(memory, rows * padded, 0.0F);
            sum_image(o, n, tap, group, row, rows, memory);
            for (int i = 0; i < rows; ++i)
                for (int m = 0; m < depth; ++m)
                    gradient[static_cast<std::ptrdiff_t>(i * depth + m) * taps] += memory[i * padded + m];
        }
    }
    // sums[row][member] of one image.
    void sum_image(const training_operands& o, int n, int tap, int group, int row, int rows,
                   float* sums) const noexcept {
        const window& w = l_.win;
        const map_layout &in = l_.in.map, &out = l_.out.map;
        const int depth = members(l_), padded = padded_channels(depth);
        const int ky = tap / w.kernel_width, left = tap % w.kernel_width * w.dilation - w.pad_left;
        // Output columns whose tap lies inside the input.
        const int begin = left >= 0 ? 0 : (-left + w.stride_width - 1) / w.stride_width;
        const int end =
            left >= in.width ? 0 : std::min(out.width, (in.width - 1 - left) / w.stride_width + 1);
        const outer_panels panels(sums + block_rows * padded);
        const outer_sums to{sums, padded, padded, false};
        const bool whole = group * depth + padded <= in.stride;
        for (int y = 0; y < out.height && begin < end; ++y) {
            const int iy = y * w.stride_height - w.pad_top + ky * w.dilation;
            if (iy < 0 || iy >= in.height)
                continue;
            const std::ptrdiff_t from =
                static_cast<std::ptrdiff_t>(iy) * in.width + left + begin * w.stride_width;
            const outer_operands row_of{
                o.output_gradient + n * l_.out.image_stride +
                    (static_cast<std::ptrdiff_t>(y) * out.width + begin) * out.stride + group * outputs(l_) +
                    row,
                out.stride, o.input + n * l_.in.image_stride + from * in.stride + group * depth,
                static_cast<std::ptrdiff_t>(w.stride_width) * in.stride, end - begin};
            if (whole)
                add_outer_products(rows, depth, row_of, to);
            else
                panels.add(rows, depth, row_of, to);
        }
    }

    const training_layer& l_;
};

// The input gradient: the output gradient times the weights of some input channels under all taps, added to
// the pixels under the windows. Each task has input channels of its own.
class scattered_gradient {
public:
    explicit scattered_gradient(const training_layer& l) noexcept : l_(l) {}

    static constexpr std::size_t packed_floats(const training_layer& l) noexcept {
        return static_cast<std::size_t>(l.groups) * static_cast<std::size_t>(blocks(l)) * block_floats(l);
    }
    static constexpr std::size_t scratch_floats(const training_layer& l, int workers) noexcept {
        return static_cast<std::size_t>(workers) * worker_floats(l);
    }
    // For each group and block of input channels: [output channel][tap][input channel].
    void pack(const float* weight, float* packed, executor& ex) const noexcept {
        const int depth = outputs(l_), taps = taps_of(l_);
        for (int group = 0; group < l_.groups; ++group)
            for (int first = 0; first < members(l_); first += block_channels, packed += block_floats(l_)) {
                const int channels = std::min(block_channels, members(l_) - first);
                const float* const w =
                    weight + static_cast<std::ptrdiff_t>(group) * depth * members(l_) * taps;
                pack_columns(
                    nullptr, depth, taps * channels,
                    [=, all = static_cast<std::ptrdiff_t>(members(l_))](int k, int c) {
                        return w[(k * all + first + c % channels) * taps + c / channels];
                    },
                    packed, ex);
            }
    }
    void run(const training_operands& o, image_range r, executor& ex) const noexcept {
        const int of_image = l_.groups * blocks(l_);
        parallel_for(ex, workers_for(layer_of(l_, r.count()), ex), r.count() * of_image,
                     [&](int task, int worker) {
                         const int group = task % of_image / blocks(l_), block = task % blocks(l_);
                         scatter_image(o, r.first + task / of_image, group, block,
                                       o.scratch + static_cast<std::size_t>(worker) * worker_floats(l_));
                     });
    }

private:
    static constexpr int block_channels = 32, chunk_pixels = 48;

    static constexpr int members(const training_layer& l) noexcept { return l.in.map.channels / l.groups; }
    static constexpr int outputs(const training_layer& l) noexcept { return l.out.map.channels / l.groups; }
    static constexpr int blocks(const training_layer& l) noexcept {
        return (members(l) + block_channels - 1) / block_channels;
    }
    static constexpr int block_columns_of(const training_layer& l) noexcept {
        return padded_channels(taps_of(l) * std::min(block_channels, members(l)));
    }
    static constexpr std::size_t block_floats(const training_layer& l) noexcept {
        return packed_matrix_floats(outputs(l), block_columns_of(l));
    }
    static constexpr std::size_t worker_floats(const training_layer& l) noexcept {
        return static_cast<std::size_t>(chunk_pixels) * static_cast<std::size_t>(block_columns_of(l));
    }
    void scatter_image(const training_operands& o, int n, int group, int block,
                       float* products) const noexcept {
        const map_layout &in = l_.in.map, &out = l_.out.map;
        const int first = block * block_channels, channels = std::min(block_channels, members(l_) - first);
        float* const gradient = o.input_gradient + n * l_.in.image_stride + group * members(l_) + first;
        for (int p = 0; p < in.pixels() && !o.adds_input; ++p)
            std::fill_n(gradient + static_cast<std::ptrdiff_t>(p) * in.stride, channels, 0.0F);
        layer product;
        product.in = {out.pixels(), 1, outputs(l_), out.stride};
        product.out = {chunk_pixels, 1, taps_of(l_) * channels, padded_channels(taps_of(l_) * channels)};
        operands x;
        x.weights = o.packed + static_cast<std::size_t>(group * blocks(l_) + block) * block_floats(l_);
        x.output = products;
        const float* const output_gradient =
            o.output_gradient + n * l_.out.image_stride + group * outputs(l_);
        const int all = count_blocks(product.out.channels);
        for (int p = 0; p < out.pixels(); p += chunk_pixels) {
            x.input = output_gradient + static_cast<std::ptrdiff_t>(p) * out.stride;
            const int count = std::min(chunk_pixels, out.pixels() - p);
            run_pointwise_chunk(product, x, 0, count, 0, all, nullptr);
            for (int i = 0; i < count; ++i)
                add_window((p + i) / out.width, (p + i) % out.width, channels,
                           products + static_cast<std::ptrdiff_t>(i) * product.out.stride, gradient);
        }
    }
    // Adds [tap][channel] to the pixels under a window.
    void add_window(int y, int x, int channels, const float* products, float* gradient) const noexcept {
        const window& w = l_.win;
        const map_layout& in = l_.in.map;
        const int top = y * w.stride_height - w.pad_top, left = x * w.stride_width - w.pad_left;
        const tap_range rows(top, w.kernel_height, w.dilation, in.height),
            columns(left, w.kernel_width, w.dilation, in.width);
        for (int ky = rows.begin; ky < rows.end; ++ky)
            for (int kx = columns.begin; kx < columns.end; ++kx) {
                const std::ptrdiff_t pixel =
                    static_cast<std::ptrdiff_t>(top + ky * w.dilation) * in.width + left + kx * w.dilation;
                float* const to = gradient + pixel * in.stride;
                const float* const from = products + (ky * w.kernel_width + kx) * channels;
                for (int c = 0; c < channels; c += half_size) {
                    const int valid = channels - c;
                    store_valid(load_valid<half_vector>(to + c, valid) +
                                    load_valid<half_vector>(from + c, valid),
                                to + c, valid);
                }
            }
    }

    const training_layer& l_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
