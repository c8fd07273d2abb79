// The register tiles of weight gradients: sums over pixels of outer products.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The numbers of a run of pixels: `rows` are broadcast one by one, `columns` read in vectors. Strides in
// floats from pixel to pixel.
struct outer_operands {
    const float* rows;
    std::ptrdiff_t rows_stride;
    const float* columns;
    std::ptrdiff_t columns_stride;
    int pixels;
};

// Where sums go: row r of a tile at sums + r * stride, of which `valid` columns may be written.
struct outer_sums {
    float* sums;
    std::ptrdiff_t stride;
    int valid;
    bool continues; // the sums there go on pixel by pixel; else the sum of these pixels is added as a whole
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

// The heights of tiles of so many vectors: what fits into the registers, and enough sums that none waits for
// the addition before it.
#if defined(__AVX512F__) || defined(__aarch64__)
template <int Vectors>
inline constexpr auto& outer_heights = tile_heights;
inline constexpr bool has_triple_tiles = false;
#else
inline constexpr height_list<4> narrow_heights{8, 4, 2, 1};
inline constexpr height_list<4> triple_heights{4, 3, 2, 1};
template <int Vectors>
inline constexpr auto& outer_heights = tile_heights;
template <>
inline constexpr auto& outer_heights<1> = narrow_heights;
template <>
inline constexpr auto& outer_heights<3> = triple_heights;
// An odd number of vectors ends in a tile of three: one alone would load more than it multiplies.
inline constexpr bool has_triple_tiles = vector_size == 8;
#endif

// sums[r][c] += sum over pixels of rows[p][r] * columns[p][c], for whole vectors of columns.
template <class Vector, int Rows, int Vectors>
inline void run_whole_tile(const outer_operands& o, const outer_sums& to) noexcept {
    constexpr int size = static_cast<int>(Vector::size);
    array_of<array_of<Vector, Vectors>, Rows> sum;
    const auto for_each_sum = [&](auto f) FOVEA_INLINE_LAMBDA {
        FOVEA_UNROLL
        for (int r = 0; r < Rows; ++r) {
            FOVEA_UNROLL
            for (int v = 0; v < Vectors; ++v)
                f(sum[r][v], to.sums + r * to.stride + v * size);
        }
    };
    if (to.continues)
        for_each_sum([](Vector& x, const float* at) FOVEA_INLINE_LAMBDA { x = Vector::load_unaligned(at); });
    else
        for_each_sum([](Vector& x, const float*) FOVEA_INLINE_LAMBDA { x = Vector(0.0F); });
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
    if (!to.continues)
        for_each_sum([](Vector& x, const float* at) FOVEA_INLINE_LAMBDA { x += Vector::load_unaligned(at); });
    for_each_sum([](Vector& x, float* at) FOVEA_INLINE_LAMBDA { x.store_unaligned(at); });
}

// A tile of which some columns are not there.
template <class Vector, int Rows, int Vectors>
inline void run_outer_tile(const outer_operands& o, const outer_sums& to) noexcept {
    constexpr int width = Vectors * static_cast<int>(Vector::size);
    if (to.valid >= width)
        return run_whole_tile<Vector, Rows, Vectors>(o, to);
    array_of<float, Rows * width> sums{};
    const std::size_t bytes = static_cast<std::size_t>(to.valid) * sizeof(float);
    for (int r = 0; r < Rows; ++r)
        std::memcpy(sums + r * width, to.sums + r * to.stride, bytes);
    run_whole_tile<Vector, Rows, Vectors>(o, {sums, width, width, to.continues});
    for (int r = 0; r < Rows; ++r)
        std::memcpy(to.sums + r * to.stride, sums + r * width, bytes);
}

// Rows whose numbers lie together in a panel: what tiles of any width divide well.
#if defined(__AVX512F__)
inline constexpr int panel_rows = 14;
#else
inline constexpr int panel_rows = 12;
#endif

// All rows of one block of columns. `in_panels`: rows lie as outer_panels packs them.
template <class Vector, int Vectors>
inline void run_outer_rows(int rows, bool in_panels, const outer_operands& o, const outer_sums& to) noexcept {
    outer_operands part = o;
    for (int panel = 0; panel < rows; panel += panel_rows) {
        const int count = std::min(panel_rows, rows - panel);
        const float* const first = o.rows + static_cast<std::ptrdiff_t>(panel) * (in_panels ? o.pixels : 1);
        if (in_panels)
            part.rows_stride = count;
        for_each_tile<outer_heights<Vectors>>(0, count, [&](int row, auto height) FOVEA_INLINE_LAMBDA {
            outer_sums sums = to;
            sums.sums += (panel + row) * to.stride;
            part.rows = first + row;
            run_outer_tile<Vector, height(), Vectors>(part, sums);
        });
    }
}

// f(first column, vector tag, vectors) for the blocks of columns that tiles are made for.
template <class Function>
inline void for_each_outer_block(int columns, Function&& f) noexcept {
    const int padded = padded_channels(columns);
    int c = 0;
    if constexpr (has_triple_tiles)
        if (padded / vector_size % 2 == 1 && padded > vector_size) {
            f(0, vector(0.0F), std::integral_constant<int, 3>{});
            c = 3 * vector_size;
        }
    for (; c + block_columns <= padded; c += block_columns)
        f(c, vector(0.0F), std::integral_constant<int, tile_vectors>{});
    if constexpr (tile_vectors > 2)
        for (; c + 2 * vector_size <= padded; c += 2 * vector_size)
            f(c, vector(0.0F), std::integral_constant<int, 2>{});
    for (; c + vector_size <= padded; c += vector_size)
        f(c, vector(0.0F), std::integral_constant<int, 1>{});
    if constexpr (half_size != vector_size)
        for (; c < padded; c += half_size)
            f(c, half_vector(0.0F), std::integral_constant<int, 1>{});
}

// sums[r][c] += rows[p][r] * columns[p][c] over all pixels, for `rows` x `columns` sums. Columns are read in
// whole vectors of 8.
inline void add_outer_products(int rows, int columns, const outer_operands& o,
                               const outer_sums& to) noexcept {
    for_each_outer_block(columns, [&](int c, auto tag, auto vectors) {
        outer_operands block = o;
        block.columns += c;
        outer_sums sums = to;
        sums.sums += c;
        sums.valid -= c;
        run_outer_rows<decltype(tag), vectors()>(rows, false, block, sums);
    });
}

// As add_outer_products(), from pixels that lie far apart: copied into panels that the caches take in.
class outer_panels {
public:
    // `memory`: floats(rows, most pixels of a call).
    explicit outer_panels(float* memory) noexcept : memory_(memory) {}

    static constexpr std::size_t floats(int rows, int pixels) noexcept {
        return (static_cast<std::size_t>(rows) + most_width) * static_cast<std::size_t>(pixels) + 16;
    }
    // Columns need not lie in whole vectors.
    void add(int rows, int columns, const outer_operands& o, const outer_sums& to) const noexcept {
        float* const columns_panel = memory_;
        float* const rows_panels = memory_ + static_cast<std::ptrdiff_t>(most_width) * o.pixels;
        for (int row = 0; row < rows; row += panel_rows)
            pack(o.rows + row, o.rows_stride, std::min(panel_rows, rows - row), rows - row, o.pixels,
                 rows_panels + static_cast<std::ptrdiff_t>(row) * o.pixels);
        for_each_outer_block(columns, [&](int c, auto tag, auto vectors) {
            using v = decltype(tag);
            constexpr int width = vectors() * static_cast<int>(v::size);
            pack(o.columns + c, o.columns_stride, width, columns - c, o.pixels, columns_panel);
            outer_sums sums = to;
            sums.sums += c;
            sums.valid -= c;
            run_outer_rows<v, vectors()>(rows, true, {rows_panels, 0, columns_panel, width, o.pixels}, sums);
        });
    }

private:
    static constexpr int most_width = has_triple_tiles ? 3 * vector_size : block_columns;

    // panel[p][i] = from[p][i] for i below `width`; zeros from `valid` on. What follows the panel may be
    // overwritten, up to 8 floats.
    static void pack(const float* from, std::ptrdiff_t stride, int width, int valid, int pixels,
                     float* panel) noexcept {
        const int copied = (width + 7) / 8 * 8, present = std::min(valid, width);
        // Pixels behind which enough floats of later ones follow that whole vectors can be read.
        const int whole =
            valid >= width ? std::max(0, pixels - static_cast<int>((copied - present + stride - 1) / stride))
                           : 0;
        int p = 0;
        for (; p < whole; ++p, from += stride, panel += width)
            for (int i = 0; i < copied; i += half_size)
                half_vector::load_unaligned(from + i).store_unaligned(panel + i);
        for (; p < pixels; ++p, from += stride, panel += width) {
            std::copy_n(from, present, panel);
            std::fill(panel + present, panel + width, 0.0F);
        }
    }

    float* memory_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
