// The register tile under every matrix product: Rows pixels times Vectors of output channels, accumulated in
// registers.
#pragma once

#include <fovea/kernels/simd/activation.hpp>
#include <fovea/kernels/simd/tile_rows.hpp>

#include <algorithm>
#include <limits>

FOVEA_ARCH_NAMESPACE_BEGIN

// Where a tile reads and writes, and how to go on to the next tile below it. Strides in floats.
struct tile_operands {
    const float* weights;  // bias [columns], then [taps][depth][columns]
    float* output;         // of the tile's first row and column
    const float* residual; // likewise, or null
    std::ptrdiff_t output_stride;
    std::ptrdiff_t residual_stride;
    std::ptrdiff_t vector_stride = vector_size; // from one vector of an output row to the next
    // Where output rows are not all one stride apart: after `rows_left` rows a gap follows, and another one
    // after each further `row_length`.
    int rows_left = std::numeric_limits<int>::max();
    int row_length = std::numeric_limits<int>::max();
    std::ptrdiff_t gap = 0;
    // Weights to fetch into the second-level cache meanwhile: those that the first tile of a block reads at
    // `ahead`, further tiles what is left of [later, later_end).
    const float* ahead = nullptr;
    const float* later = nullptr;
    const float* later_end = nullptr;
    int depth; // input channels
    int valid; // columns that may be written; fewer than the tile's where an output's channels end
    activation act;
    bool fetches_output = false; // the lines that a tile will write, before it computes

    FOVEA_INLINE void advance_output() noexcept {
        output += output_stride;
        if (--rows_left == 0) {
            output += gap;
            rows_left = row_length;
        }
    }
    // `products`: floats of weights that a tile reads.
    FOVEA_INLINE void advance_fetching(std::ptrdiff_t products) noexcept {
        if (later_end - later > 0) {
            ahead = later;
            later += products;
        }
    }
};

namespace kernel_detail {

FOVEA_INLINE void prefetch_to_level_2(const float* address) noexcept {
    __builtin_prefetch(address, 0, 2);
}

// The lines that a tile will write.
template <int Rows, int Columns>
FOVEA_INLINE void fetch_output(const tile_operands& t) noexcept {
    constexpr int line = 16; // floats; rows need not begin with one
    FOVEA_UNROLL
    for (int r = 0; r < Rows; ++r) {
        const float* row = t.output + r * t.output_stride;
        FOVEA_UNROLL
        for (int c = 0; c < Columns; c += line)
            __builtin_prefetch(row + c, 1);
        __builtin_prefetch(row + Columns - 1, 1);
    }
}

} // namespace kernel_detail

template <class Vector, int Vectors>
FOVEA_INLINE void store_row(const array_of<Vector, Vectors>& row, float* output, int valid) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    if (valid >= Vectors * size) {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            row[v].store_unaligned(output + v * size);
        return;
    }
    array_of<float, Vectors * size> buffer;
    for (int v = 0; v < Vectors; ++v)
        row[v].store_unaligned(buffer + v * size);
    std::memcpy(output, buffer, static_cast<std::size_t>(valid) * sizeof(float));
}

// Adds the residual to a row's sums, and goes on to the next.
template <class Vector, int Rows, int Vectors>
FOVEA_INLINE void add_residual(array_of<array_of<Vector, Vectors>, Rows>& sum, tile_operands& t) noexcept {
    if (t.residual == nullptr)
        return;
    FOVEA_UNROLL
    for (int r = 0; r < Rows; ++r, t.residual += t.residual_stride) {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            sum[r][v] += Vector::load_unaligned(t.residual + v * static_cast<int>(Vector::size));
    }
}

// The output rows of a tile, first of all: addresses that depend on nothing computed are ready in time.
template <int Rows>
struct output_rows {
    array_of<float*, Rows> row;

    FOVEA_INLINE explicit output_rows(tile_operands& t) noexcept {
        for (int r = 0; r < Rows; ++r, t.advance_output())
            row[r] = t.output;
    }
    // What with_inline_activation() left out, on columns that vectors of `size` wrote.
    FOVEA_INLINE void finish_activations(const tile_operands& t, int columns, int size) const noexcept {
        if (!kernel_detail::is_inline(t.act))
            kernel_detail::activate_tile_in_memory(t.act, row, Rows, std::min(columns, t.valid), size,
                                                   t.vector_stride);
    }
};

// What follows a tile's sums: residual, activation and the stores. Leaves `t` at the tile below.
template <class Vector, int Rows, int Vectors>
FOVEA_INLINE void finish_tile(array_of<array_of<Vector, Vectors>, Rows>& sum, tile_operands& at) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    tile_operands t = at; // a copy in registers: stores through vector types may alias what `at` refers to
    const output_rows<Rows> out(t);
    add_residual<Vector, Rows, Vectors>(sum, t);
    kernel_detail::with_inline_activation(t.act, [&](auto activate) {
        if (!activate.applies)
            return;
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = activate(sum[r][v]);
        }
    });
    if (t.valid >= Vectors * size) {
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[r][v].store_unaligned(out.row[r] + v * t.vector_stride);
        }
    } else {
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r)
            store_row<Vector, Vectors>(sum[r], out.row[r], t.valid);
    }
    out.finish_activations(t, Vectors * size, size);
    at.output = t.output;
    at.residual = t.residual;
    at.rows_left = t.rows_left;
}

// output[r][c] = act(bias[c] + sum over taps and depth of a[tap][r][k] * w[tap][k][c] + residual[r][c]).
// The sum runs in the same order for every tile shape, so results do not depend on how pixels are cut into
// tiles. Leaves `t` at the tile below.
template <class Vector, int Rows, int Vectors, class RowsOf>
inline void run_tile(const RowsOf& rows, tile_operands& t) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    array_of<array_of<Vector, Vectors>, Rows> sum;
    FOVEA_UNROLL
    for (int v = 0; v < Vectors; ++v) {
        const Vector bias = Vector::load_unaligned(t.weights + v * size);
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r)
            sum[r][v] = bias;
    }
    const float* w = t.weights + Vectors * size;
    const float* ahead = t.ahead;
    const int taps = rows.taps(), depth = t.depth;
    for (int tap = 0; tap < taps; ++tap) {
        typename RowsOf::template cursor<Rows> a(rows, tap);
        for (int k = 0; k < depth; ++k, w += Vectors * size, ahead += Vectors * size, a.advance()) {
            array_of<Vector, Vectors> column;
            a.fetch_next();
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v) {
                column[v] = Vector::load_unaligned(w + v * size);
                kernel_detail::prefetch_to_level_2(ahead + v * size);
            }
            FOVEA_UNROLL
            for (int r = 0; r < Rows; ++r) {
                const Vector x(a(r));
                FOVEA_UNROLL
                for (int v = 0; v < Vectors; ++v)
                    sum[r][v] = multiply_add(x, column[v], sum[r][v]);
            }
        }
    }
    finish_tile<Vector, Rows, Vectors>(sum, t);
    t.advance_fetching(static_cast<std::ptrdiff_t>(taps) * depth * Vectors * size);
}

FOVEA_ARCH_NAMESPACE_END
