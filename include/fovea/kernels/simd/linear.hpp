// Matrix products of a single pixel: linear layers and the convolutions between squeeze-excite's pool and
// gate. Every weight is read once, so the layer takes as long as reading them.
#pragma once

#include <fovea/kernels/simd/pointwise.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Sums that run side by side, so that none waits for the addition before it: two additions a cycle, four
// cycles each.
inline constexpr int linear_sums = 8;
inline constexpr int linear_columns = linear_sums * vector_size;

// Blocks of output channels that are worked on together: linear_columns wide, at the end halves of that down
// to 8.
constexpr int linear_width(int column, int channels) noexcept {
    int width = linear_columns;
    while (width > padded_channels(channels) - column)
        width /= 2;
    return width;
}
constexpr int count_linear_blocks(int channels) noexcept {
    int count = 0;
    for (int c = 0; c < padded_channels(channels); c += linear_width(c, channels))
        ++count;
    return count;
}
constexpr column_block linear_block_at(int index, int channels) noexcept {
    column_block b{0, linear_width(0, channels)};
    for (; index > 0; --index)
        b = {b.first + b.width, linear_width(b.first + b.width, channels)};
    return b;
}

// One block of output channels. Where it has fewer vectors than there are sums, each sum takes every second,
// fourth or eighth input channel.
template <class Vector, int Vectors>
class linear_block {
public:
    static void run(const layer& l, const operands& o, int valid) noexcept {
        const int depth = l.in.channels;
        array_of<array_of<Vector, Vectors>, splits> sum;
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            sum[0][v] = Vector::load_unaligned(o.weights + v * size);
            FOVEA_UNROLL
            for (int s = 1; s < splits; ++s)
                sum[s][v] = Vector(0.0F);
        }
        const float* w = o.weights + width;
        int k = 0;
        for (; k + splits <= depth; k += splits, w += splits * width) {
            FOVEA_UNROLL
            for (int s = 0; s < splits; ++s)
                add_products(Vector(o.input[k + s]), w + s * width, sum[s]);
        }
        for (; k < depth; ++k, w += width)
            add_products(Vector(o.input[k]), w, sum[0]);
        FOVEA_UNROLL
        for (int s = splits - 1; s > 0; --s) { // a tree of additions
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[(s - 1) / 2][v] += sum[s][v];
        }
        finish(sum[0], l.act, o, valid);
    }

private:
    static constexpr int width = Vectors * static_cast<int>(Vector::size);
    static constexpr int size = static_cast<int>(Vector::size);
    static constexpr int splits = linear_sums / Vectors;

    static FOVEA_INLINE void add_products(Vector x, const float* w, array_of<Vector, Vectors>& sum) noexcept {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            sum[v] = multiply_add(x, Vector::load_unaligned(w + v * size), sum[v]);
    }
    static FOVEA_INLINE void finish(array_of<Vector, Vectors>& sum, activation act, const operands& o,
                                    int valid) noexcept {
        with_inline_activation(act, [&](auto activate) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[v] = activate(
                    o.residual == nullptr ? sum[v] : sum[v] + Vector::load_unaligned(o.residual + v * size));
        });
        array_of<float, width> dense;
        float* output = valid < width ? dense : o.output;
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            sum[v].store_unaligned(output + v * size);
        if (valid < width)
            std::memcpy(o.output, dense, static_cast<std::size_t>(valid) * sizeof(float));
        finish_activation(act, o.output, 0, 1, std::min(valid, width));
    }
};

// One block for one pixel. `o` has the addresses of the block's own weights and columns.
template <int Vectors>
inline void run_linear_block(int width, const layer& l, const operands& o, int valid) noexcept {
    if (width == Vectors * vector_size)
        linear_block<vector, Vectors>::run(l, o, valid);
    else if constexpr (Vectors > 1)
        run_linear_block<Vectors / 2>(width, l, o, valid);
    else if constexpr (half_size != vector_size)
        linear_block<half_vector, 1>::run(l, o, valid);
}

} // namespace kernel_detail

// For maps of one pixel at the graph's own input size; at other sizes more pixels follow one by one.
struct linear_kernel {
    static constexpr const char* name = "linear";

    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return packed_matrix_floats(l.in.channels, l.out.channels);
    }
    // Block by block: bias [width], then [in][width]; columns beyond the channels are zero.
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const int channels = l.out.channels;
        for (int column = 0, width = 0; column < padded_channels(channels); column += width) {
            width = kernel_detail::linear_width(column, channels);
            for (int k = -1; k < l.in.channels; ++k)
                for (int c = column; c < column + width; ++c)
                    *packed++ = c >= channels ? 0.0F
                                : k < 0       ? w.bias[at(c)]
                                              : w.weight[at(c) * at(l.in.channels) + at(k)];
        }
    }
    static constexpr std::size_t scratch_floats(const layer& l, bool gated) noexcept {
        return gated ? at(l.in.stride) : 0;
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const int blocks = kernel_detail::count_linear_blocks(l.out.channels);
        parallel_for(ex, workers(l, ex), l.out.pixels() * blocks,
                     [&](int task, int worker) { run_block(l, o, task / blocks, task % blocks, worker); });
    }

private:
    // Sharing costs one or two microseconds, in which one core reads about this many weights from the
    // third-level cache.
    static int workers(const layer& l, const executor& ex) noexcept {
        constexpr std::size_t least_shared = 150'000;
        return packed_floats(l) < least_shared ? 1 : ex.concurrency();
    }
    static void run_block(const layer& l, const operands& o, int pixel, int block, int worker) noexcept {
        const column_block b = kernel_detail::linear_block_at(block, l.out.channels);
        operands part = o;
        part.input += static_cast<std::ptrdiff_t>(pixel) * l.in.stride;
        if (o.gate != nullptr) {
            float* scaled = o.scratch + at(worker) * at(l.in.stride);
            kernel_detail::scale_rows(l, part.input, o.gate, 1, scaled);
            part.input = scaled;
        }
        part.weights += static_cast<std::ptrdiff_t>(b.first) * (l.in.channels + 1);
        part.output += static_cast<std::ptrdiff_t>(pixel) * l.out.stride + b.first;
        if (o.residual != nullptr)
            part.residual += static_cast<std::ptrdiff_t>(pixel) * padded_channels(l.out.channels) + b.first;
        kernel_detail::run_linear_block<kernel_detail::linear_sums>(b.width, l, part, l.out.stride - b.first);
    }
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
};

FOVEA_ARCH_NAMESPACE_END
