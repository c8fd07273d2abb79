// What a worker on a fused block has, and the parts of its work that do not depend on the depthwise window.
#pragma once

#include <fovea/kernels/simd/block_ring.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

class block_parts {
public:
    // `scratch`: this worker's; `sums`: [output height][channels], shared.
    block_parts(const layer& l, const block_layers& b, const block_cut& cut, const operands& o,
                float* scratch, float* sums) noexcept
        : l_(l), b_(b), cut_(cut), o_(o), depthwise_weights_(o.weights + b.expand_floats()), ring_(scratch),
          strip_(ring_ + cut.ring_floats()), image_rows_(strip_ + cut.strip_floats(b)),
          residual_(image_rows_ + cut.stem_floats(b)), sums_(sums) {}

protected:
    // f(number, block, weights) for each block of the expansion's columns.
    template <class Function>
    void for_each_expand_block(Function&& f) const noexcept {
        for_each_column_block(cut_.channels, [&](int i, column_block c) {
            f(i, c, o_.weights + static_cast<std::ptrdiff_t>(b_.expand_products() + 1) * c.first);
        });
    }
    const float* weights_of(int taps, int c) const noexcept {
        return depthwise_weights_ + depthwise_weights::offset(taps, c);
    }
    // The sum of an output row, for the pool: each row on its own, so that the result does not depend on how
    // rows are shared among workers.
    void sum_row(const float* row, int y, int begin, int end) const noexcept {
        float* sums = sums_ + static_cast<std::ptrdiff_t>(y) * cut_.channels;
        for_each_vector(begin, end, [&](auto tag, int c) {
            using v = decltype(tag);
            v sum(0.0F);
            for (int x = 0; x < l_.out.width; ++x)
                sum += v::load_unaligned(row + static_cast<std::ptrdiff_t>(x) * l_.out.stride + c);
            sum.store_unaligned(sums + c);
        });
    }
    // The row of a vector of channels that waits in the strip: its SiLU to the output, and the sum of that
    // for the pool.
    template <class Vector>
    void apply_silu(float* to, int y, int c) const noexcept {
        const Vector sum = activate_pixels<activation::silu, Vector>(strip_, l_.out.width, to, l_.out.stride);
        if (l_.pools)
            sum.store_unaligned(sums_ + static_cast<std::ptrdiff_t>(y) * cut_.channels + c);
    }
    // Output rows [first, last), channels [begin, end), into the output or the strip. What SiLU is still to
    // be applied to waits in the strip, one row of a vector: the output, which may be far from the caches, is
    // touched once.
    template <int Kernel, int Stride>
    void convolve(const block_ring& ring, int first, int last, int begin, int end) const noexcept {
        const layer& d = b_.depthwise;
        const bool waits = !b_.projects && d.act == activation::silu;
        const int output_row = b_.projects ? first : 0;
        float* const output = b_.projects ? strip_ : o_.output;
        const std::ptrdiff_t stride = d.out.stride;
        const std::ptrdiff_t row_floats = d.out.width * stride;
        for_each_vector(begin, end, [&](auto tag, int c) {
            using v = decltype(tag);
            const depthwise_row<Kernel, Stride, v> row(weights_of(Kernel * Kernel, c), d.act);
            for (int y = first; y < last; ++y) {
                window_rows_of<Kernel> rows;
                ring.window_at<Kernel, Stride>(c, y, rows);
                float* const to = output + (y - output_row) * row_floats + c;
                row.run(rows, waits ? strip_ : to, waits ? vector_size : stride, d.out.width);
                if (waits)
                    apply_silu<v>(to, y, c);
            }
        });
        for (int y = first; y < last && !waits; ++y) {
            float* row = output + (y - output_row) * row_floats;
            finish_activation(d.act, row + begin, stride, d.out.width, end - begin);
            if (l_.pools)
                sum_row(row, y, begin, end);
        }
    }
    // Output rows [first, last) from the strip.
    void project(const block_ring& ring, int first, int last) const noexcept {
        const layer& p = b_.project;
        const std::ptrdiff_t row = p.out.width;
        operands o = o_; // as if the map began with this strip
        o.weights = depthwise_weights_ + b_.depthwise_floats();
        o.output += first * row * p.out.stride;
        if (o.residual != nullptr)
            o.residual += first * row * padded_channels(p.out.channels);
        if (l_.adds_expanded) {
            for (int y = first; y < last; ++y)
                ring.copy_out(y, residual_ + (y - first) * row * cut_.channels);
            o.residual = residual_;
        }
        const int pixels = (last - first) * p.out.width;
        for_each_block(p, o, 0, p.in.channels, p.in.channels, [&](int, int width, const tile_operands& t) {
            run_column_block(
                width, 0, pixels,
                [&](int r) {
                    return strided_rows{strip_ + static_cast<std::ptrdiff_t>(r) * p.in.stride, p.in.stride};
                },
                t);
        });
    }

    const layer& l_;
    const block_layers& b_;
    const block_cut& cut_;
    const operands& o_;
    const float* depthwise_weights_;
    float* ring_;
    float* strip_;
    float* image_rows_;
    float* residual_;
    float* sums_;
};

// The pool: the mean of `rows` sums of rows.
inline void average_rows(const float* sums, int rows, int channels, int pixels, float* mean) noexcept {
    const float scale = 1.0F / static_cast<float>(pixels);
    for_each_vector(0, channels, [&](auto tag, int c) {
        using v = decltype(tag);
        v sum(0.0F);
        for (int y = 0; y < rows; ++y)
            sum += v::load_unaligned(sums + static_cast<std::ptrdiff_t>(y) * channels + c);
        (sum * v(scale)).store_unaligned(mean + c);
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
