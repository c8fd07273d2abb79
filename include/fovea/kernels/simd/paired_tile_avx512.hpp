// A register tile for blocks of 24 and 40 columns: the last 8 columns of two rows share one AVX-512 vector,
// so that no lane is idle.
#pragma once

#include <fovea/kernels/simd/tile.hpp>

#if defined(__AVX512F__)

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// One half of a vector for each of two rows. The forms with masks spare g++ 12's warnings of an undefined
// operand; a mask of ones costs nothing.
struct row_pair {
    static FOVEA_INLINE vector twice(const float* x) noexcept {
        return _mm512_maskz_broadcast_f32x8(0xFFFF, _mm256_loadu_ps(x));
    }
    static FOVEA_INLINE vector from(const float* low, const float* high) noexcept {
        return _mm512_mask_broadcast_f32x8(twice(low), 0xFF00, _mm256_loadu_ps(high));
    }
    static FOVEA_INLINE vector halves_of(vector low, vector high) noexcept {
        return _mm512_mask_blend_ps(0xFF00, low, high);
    }
    static FOVEA_INLINE void store(vector x, float* low, float* high) noexcept {
        _mm256_storeu_ps(high,
                         _mm512_maskz_extractf32x8_ps(0xFF, x, 1)); // first: an odd last row has low twice
        _mm256_storeu_ps(low, _mm512_maskz_extractf32x8_ps(0xFF, x, 0));
    }
};

// What follows a tile's sums: residual, activation and the stores. Leaves `at` at the tile below.
template <int Rows, int Vectors, int Pairs>
FOVEA_INLINE void finish_paired_tile(array_of<array_of<vector, Vectors>, Rows>& sum,
                                     array_of<vector, Pairs>& pair, tile_operands& at) noexcept {
    constexpr int tail = Vectors * vector_size, width = tail + half_size;
    tile_operands t = at;
    const output_rows<Rows> out(t);
    if (t.residual != nullptr)
        unroll<Pairs>([&](auto p) FOVEA_INLINE_LAMBDA {
            const float* low = t.residual + 2 * p * t.residual_stride + tail;
            pair[p] += row_pair::from(low, 2 * p + 1 < Rows ? low + t.residual_stride : low);
        });
    add_residual<vector, Rows, Vectors>(sum, t);
    with_inline_activation(t.act, [&](auto activate) {
        if (!activate.applies)
            return;
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = activate(sum[r][v]);
        }
        FOVEA_UNROLL
        for (int p = 0; p < Pairs; ++p)
            pair[p] = activate(pair[p]);
    });
    const bool whole = t.valid >= width;
    array_of<float, Rows * width> buffer;
    const auto at_row = [&](int r) { return whole ? out.row[r] : buffer + r * width; };
    const std::ptrdiff_t stride = whole ? t.vector_stride : vector_size;
    FOVEA_UNROLL
    for (int r = 0; r < Rows; ++r) {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            sum[r][v].store_unaligned(at_row(r) + v * stride);
    }
    FOVEA_UNROLL
    for (int p = 0; p < Pairs; ++p)
        row_pair::store(pair[p], at_row(2 * p) + Vectors * stride,
                        at_row(2 * p + 1 < Rows ? 2 * p + 1 : 2 * p) + Vectors * stride);
    if (!whole)
        for (int r = 0; r < Rows; ++r)
            std::memcpy(out.row[r], buffer + r * width, static_cast<std::size_t>(t.valid) * sizeof(float));
    out.finish_activations(t, width, vector_size);
    at.output = t.output;
    at.residual = t.residual;
    at.rows_left = t.rows_left;
}

} // namespace kernel_detail

// As run_tile(), for Vectors whole vectors and a half.
template <int Rows, int Vectors, class RowsOf>
inline void run_paired_tile(const RowsOf& rows, tile_operands& at) noexcept {
    using kernel_detail::row_pair;
    constexpr int pairs = (Rows + 1) / 2, tail = Vectors * vector_size, width = tail + half_size;
    array_of<array_of<vector, Vectors>, Rows> sum;
    array_of<vector, pairs> pair;
    FOVEA_UNROLL
    for (int v = 0; v < Vectors; ++v) {
        const vector bias = vector::load_unaligned(at.weights + v * vector_size);
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r)
            sum[r][v] = bias;
    }
    FOVEA_UNROLL
    for (int p = 0; p < pairs; ++p)
        pair[p] = row_pair::twice(at.weights + tail);
    const float* w = at.weights + width;
    const float* ahead = at.ahead;
    const int taps = rows.taps(), depth = at.depth;
    for (int tap = 0; tap < taps; ++tap) {
        typename RowsOf::template cursor<Rows> a(rows, tap);
        for (int k = 0; k < depth; ++k, w += width, ahead += width, a.advance()) {
            array_of<vector, Vectors> column;
            a.fetch_next();
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                column[v] = vector::load_unaligned(w + v * vector_size);
                kernel_detail::prefetch_to_level_2(ahead + v * vector_size);
            }
            const vector half = row_pair::twice(w + tail);
            unroll<pairs>([&](auto p) FOVEA_INLINE_LAMBDA {
                constexpr int low = 2 * p, high = low + 1 < Rows ? low + 1 : low;
                const vector x(a(low)), y(a(high));
                FOVEA_UNROLL
                for (int v = 0; v < Vectors; ++v) {
                    sum[low][v] = multiply_add(x, column[v], sum[low][v]);
                    if constexpr (high > low)
                        sum[high][v] = multiply_add(y, column[v], sum[high][v]);
                }
                pair[p] = multiply_add(row_pair::halves_of(x, y), half, pair[p]);
            });
        }
    }
    kernel_detail::finish_paired_tile<Rows, Vectors, pairs>(sum, pair, at);
    at.advance_fetching(static_cast<std::ptrdiff_t>(taps) * depth * width);
}

FOVEA_ARCH_NAMESPACE_END

#endif
