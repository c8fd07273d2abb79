// The register tile of weight gradients: sums over pixels of outer products.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Numbers of a run of pixels: `rows` are broadcast one by one, `columns` read in vectors. Strides in floats
// from pixel to pixel.
struct outer_operands {
    const float* rows;
    std::ptrdiff_t rows_stride;
    const float* columns;
    std::ptrdiff_t columns_stride;
    int pixels;
};

// Where sums go: row r of the tile at output + r * stride, of which `valid` columns may be written.
struct outer_output {
    float* output;
    std::ptrdiff_t stride;
    int valid;
    bool continues; // the sums there go on pixel by pixel; else those of these pixels are added as a whole
};

// Up to `valid` numbers of a row; zeros for the others.
template <class Vector>
FOVEA_INLINE Vector load_valid(const float* x, int valid) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    if (valid >= size)
        return Vector::load_unaligned(x);
    array_of<float, size> buffer{};
    if (valid > 0)
        std::memcpy(buffer, x, static_cast<std::size_t>(valid) * sizeof(float));
    return Vector::load_unaligned(buffer);
}
template <class Vector>
FOVEA_INLINE void store_valid(Vector x, float* to, int valid) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    if (valid >= size)
        return x.store_unaligned(to);
    array_of<float, size> buffer;
    x.store_unaligned(buffer);
    if (valid > 0)
        std::memcpy(to, buffer, static_cast<std::size_t>(valid) * sizeof(float));
}

template <class Vector, int Rows, int Vectors>
inline void run_outer_tile(const outer_operands& o, const outer_output& to) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    array_of<array_of<Vector, Vectors>, Rows> sum;
    FOVEA_UNROLL
    for (int r = 0; r < Rows; ++r) {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            sum[r][v] = to.continues
                            ? load_valid<Vector>(to.output + r * to.stride + v * size, to.valid - v * size)
                            : Vector(0.0F);
    }
    const float* rows = o.rows;
    const float* columns = o.columns;
    const std::ptrdiff_t rows_stride = o.rows_stride, columns_stride = o.columns_stride;
    for (int p = o.pixels; p > 0; --p, rows += rows_stride, columns += columns_stride) {
        array_of<Vector, Vectors> column;
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v)
            column[v] = Vector::load_unaligned(columns + v * size);
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            const Vector x(rows[r]);
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                sum[r][v] = multiply_add(x, column[v], sum[r][v]);
        }
    }
    FOVEA_UNROLL
    for (int r = 0; r < Rows; ++r) {
        FOVEA_UNROLL
        for (int v = 0; v < Vectors; ++v) {
            float* const at = to.output + r * to.stride + v * size;
            const int valid = to.valid - v * size;
            store_valid(to.continues ? sum[r][v] : sum[r][v] + load_valid<Vector>(at, valid), at, valid);
        }
    }
}

// All rows of one block of columns.
template <class Vector, int Vectors>
inline void run_outer_rows(int rows, const outer_operands& o, const outer_output& to) noexcept {
    for_each_tile<tile_heights>(0, rows, [&](int row, auto height) FOVEA_INLINE_LAMBDA {
        outer_operands part = o;
        part.rows += row;
        outer_output part_to = to;
        part_to.output += row * to.stride;
        run_outer_tile<Vector, height(), Vectors>(part, part_to);
    });
}

// output[r][c] += sum over pixels of rows[p][r] * columns[p][c], for `rows` x `columns` sums. Columns are
// read in whole vectors of 8.
inline void add_outer_products(int rows, int columns, const outer_operands& o,
                               const outer_output& to) noexcept {
    const auto part_at = [&](int c, auto run) FOVEA_INLINE_LAMBDA {
        outer_operands part = o;
        part.columns += c;
        outer_output part_to = to;
        part_to.output += c;
        part_to.valid -= c;
        run(part, part_to);
    };
    int c = 0;
    for (; c + block_columns <= padded_channels(columns); c += block_columns)
        part_at(c, [&](const auto& part, const auto& part_to) {
            run_outer_rows<vector, tile_vectors>(rows, part, part_to);
        });
    for (; c + vector_size <= padded_channels(columns); c += vector_size)
        part_at(c, [&](const auto& part, const auto& part_to) {
            run_outer_rows<vector, 1>(rows, part, part_to);
        });
    if constexpr (half_size != vector_size)
        for (; c < padded_channels(columns); c += half_size)
            part_at(c, [&](const auto& part, const auto& part_to) {
                run_outer_rows<half_vector, 1>(rows, part, part_to);
            });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
