// Matrix products of training: the pixels of a batch as rows, times weights packed from torch's layout.
#pragma once

#include <fovea/kernels/simd/pointwise.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Packs as pack_matrix() does, from weights anywhere in memory: `weight_at(k, c)` is the weight of product k
// of column c. No bias: zeros. Columns beyond `columns` are zero.
template <class WeightAt>
inline void pack_columns(const float* bias, int depth, int columns, const WeightAt& weight_at, float* packed,
                         executor& ex) noexcept {
    constexpr int least_shared = 65536;
    const int blocks = count_blocks(columns);
    parallel_for(ex, depth * columns < least_shared ? 1 : ex.concurrency(), blocks, [&](int task, int) {
        for_each_column_block(columns, [&](int i, column_block b) {
            if (i != task)
                return;
            const int valid = std::min(b.width, columns - b.first);
            float* out = packed + static_cast<std::ptrdiff_t>(depth + 1) * b.first;
            for (int c = 0; c < b.width; ++c)
                out[c] = bias != nullptr && c < valid ? bias[b.first + c] : 0.0F;
            for (int k = 0; k < depth; ++k) {
                out += b.width;
                for (int c = 0; c < valid; ++c)
                    out[c] = weight_at(k, b.first + c);
                std::fill(out + valid, out + b.width, 0.0F);
            }
        });
    });
}

// Rows of a product: `maps` runs of `pixels` rows, `map_stride` floats apart, rows `stride` floats apart.
struct product_rows {
    int maps, pixels, channels, stride;
    std::ptrdiff_t map_stride;
};

constexpr product_rows rows_of(const batch_layout& b, int images) noexcept {
    return {images, b.map.pixels(), b.map.channels, b.map.stride, b.image_stride};
}

// output = input * weights, or output += input * weights.
class matrix_product {
public:
    matrix_product(product_rows in, product_rows out, bool adds) noexcept : in_(in), out_(out), adds_(adds) {
        if (is_dense(in) && is_dense(out)) {
            in_.pixels = out_.pixels = in.maps * in.pixels;
            in_.maps = out_.maps = 1;
        }
        l_.in = {in_.pixels, 1, in_.channels, in_.stride};
        l_.out = {out_.pixels, 1, out_.channels, out_.stride};
    }
    // Sums wait here for their addition where an output's pixels have no padding.
    static constexpr std::size_t scratch_floats(const product_rows& in, const product_rows& out, bool adds,
                                                int workers) noexcept {
        if (!adds || out.stride == padded_channels(out.channels))
            return 0;
        layer l;
        l.in.channels = in.channels;
        l.out.channels = out.channels;
        return static_cast<std::size_t>(chunk_rows(l)) *
               static_cast<std::size_t>(padded_channels(out.channels)) * static_cast<std::size_t>(workers);
    }
    void run(const float* input, const float* weights, float* output, float* scratch,
             executor& ex) const noexcept {
        layer all = l_;
        all.out.height *= in_.maps;
        const int workers = workers_for(all, ex);
        const pointwise_tasks tasks(l_, false, in_.maps < 4 * workers ? workers : 1);
        const int per_map = tasks.chunks * tasks.groups;
        parallel_for(ex, workers, in_.maps * per_map, [&](int task, int worker) {
            const int map = task / per_map, chunk = task % per_map / tasks.groups,
                      group = task % tasks.groups;
            const int first = chunk * tasks.chunk, count = std::min(tasks.chunk, l_.out.pixels() - first);
            const int begin = group * tasks.blocks / tasks.groups,
                      end = (group + 1) * tasks.blocks / tasks.groups;
            operands o;
            o.input = input + map * in_.map_stride;
            o.weights = weights;
            o.output = output + map * out_.map_stride;
            if (!adds_ || out_.stride == padded_channels(out_.channels)) {
                o.residual =
                    adds_ ? o.output : nullptr; // a tile reads them before it writes the same numbers
                run_pointwise_chunk(l_, o, first, count, begin, end, nullptr);
            } else {
                run_apart(o, first, count, begin, end, scratch + worker * apart_floats());
            }
        });
    }

private:
    static constexpr bool is_dense(const product_rows& r) noexcept {
        return r.maps == 1 || r.map_stride == static_cast<std::ptrdiff_t>(r.pixels) * r.stride;
    }
    std::ptrdiff_t apart_floats() const noexcept {
        return static_cast<std::ptrdiff_t>(chunk_rows(l_)) * padded_channels(out_.channels);
    }
    // The sums of a chunk, then their addition.
    void run_apart(const operands& o, int first, int count, int begin, int end, float* sums) const noexcept {
        const int padded = padded_channels(out_.channels);
        layer l = l_;
        l.in.height = l.out.height = count;
        l.out.stride = padded;
        operands apart = o;
        apart.input += static_cast<std::ptrdiff_t>(first) * in_.stride;
        apart.output = sums;
        run_pointwise_chunk(l, apart, 0, count, begin, end, nullptr);
        for_each_column_block(out_.channels, [&](int i, column_block b) {
            if (i < begin || i >= end)
                return;
            const int last = std::min(b.first + b.width, out_.channels);
            for (int r = 0; r < count; ++r)
                for (int c = b.first; c < last; ++c)
                    o.output[static_cast<std::ptrdiff_t>(first + r) * out_.stride + c] +=
                        sums[static_cast<std::ptrdiff_t>(r) * padded + c];
        });
    }

    product_rows in_, out_;
    bool adds_;
    layer l_{};
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
