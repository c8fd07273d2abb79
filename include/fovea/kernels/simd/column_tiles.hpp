// Matrix products out of tiles: a block of columns over any number of rows, and a layer block by block.
#pragma once

#include <fovea/kernels/simd/columns.hpp>
#include <fovea/kernels/simd/paired_tile_avx512.hpp>
#include <fovea/kernels/simd/tile.hpp>

#include <algorithm>
#include <array>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The heights that tiles are compiled for, from high to low. Whatever the number of rows (twice the highest
// or more), it is a sum of heights that lose nothing; a lower tile than `full_rate_rows` takes as long as one
// of that height, as too few sums then wait for each other.
template <std::size_t Count>
using height_list = std::array<int, Count>;
#if defined(__AVX512F__)
inline constexpr height_list<6> tile_heights{14, 7, 6, 4, 2, 1};
inline constexpr height_list<5> paired_heights{10, 6, 4, 2, 1}; // 12 of 40 columns do not fit registers
#else
inline constexpr height_list<5> tile_heights{6, 5, 4, 2, 1};
#endif
inline constexpr int full_rate_rows = 4;

// For each number of rows up to twice the highest tile: the tile to begin with, found by trying all.
template <const auto& Heights>
inline constexpr auto first_tiles = [] {
    constexpr int most = 2 * Heights[0];
    std::array<int, static_cast<std::size_t>(most) + 1> first{}, cost{};
    for (int n = 1; n <= most; ++n)
        for (int h : Heights) {
            if (h > n)
                continue;
            const int with = std::max(h, full_rate_rows) + cost[static_cast<std::size_t>(n - h)];
            int& best = cost[static_cast<std::size_t>(n)];
            if (best == 0 || with < best) {
                best = with;
                first[static_cast<std::size_t>(n)] = h;
            }
        }
    return first;
}();

// Covers `count` rows with tiles: run(first row, height), the height being a constant.
template <const auto& Heights, class RunTile>
FOVEA_INLINE void for_each_tile(int first, int count, const RunTile& run) noexcept {
    while (count > 0) {
        const int height =
            count > 2 * Heights[0] ? Heights[0] : first_tiles<Heights>[static_cast<std::size_t>(count)];
        unroll<static_cast<int>(Heights.size())>([&](auto i) FOVEA_INLINE_LAMBDA {
            constexpr int rows = Heights[static_cast<std::size_t>(i())];
            if (rows == height)
                run(first, std::integral_constant<int, rows>{});
        });
        first += height;
        count -= height;
    }
}

// The rows of the tile at `row`. The tile after it is the one below, or the first one again, with the next
// block of columns.
template <class MakeRows>
FOVEA_INLINE auto rows_of_tile(const MakeRows& rows_from, int row, int height, int first, int last) noexcept {
    auto rows = rows_from(row);
    rows.followed_by(rows_from(row + height < last ? row + height : first));
    return rows;
}

template <class Vector, int Vectors, class MakeRows>
inline void run_row_tiles(int first, int count, const MakeRows& rows_from, tile_operands t) noexcept {
    for_each_tile<tile_heights>(first, count, [&](int row, auto height) FOVEA_INLINE_LAMBDA {
        if constexpr (height() == tile_rows && Vectors == tile_vectors) // almost all tiles of a wide map
            if (t.fetches_output)
                fetch_output<tile_rows, block_columns>(t);
        run_tile<Vector, height(), Vectors>(rows_of_tile(rows_from, row, height(), first, first + count), t);
    });
}

template <int Vectors, class MakeRows>
inline void run_paired_row_tiles([[maybe_unused]] int first, [[maybe_unused]] int count,
                                 [[maybe_unused]] const MakeRows& rows_from,
                                 [[maybe_unused]] tile_operands t) noexcept {
#if defined(__AVX512F__)
    for_each_tile<paired_heights>(first, count, [&](int row, auto height) FOVEA_INLINE_LAMBDA {
        run_paired_tile<height(), Vectors>(rows_of_tile(rows_from, row, height(), first, first + count), t);
    });
#endif
}

template <int Vectors, class MakeRows>
inline void run_block(int width, int first, int count, const MakeRows& rows_from,
                      const tile_operands& t) noexcept {
    if constexpr (is_paired(Vectors * vector_size + half_size))
        if (width == Vectors * vector_size + half_size)
            return run_paired_row_tiles<Vectors>(first, count, rows_from, t);
    if constexpr (Vectors > 1) {
        if (width != Vectors * vector_size)
            return run_block<Vectors / 2>(width, first, count, rows_from, t);
        run_row_tiles<vector, Vectors>(first, count, rows_from, t);
    } else {
        if (width == vector_size)
            run_row_tiles<vector, 1>(first, count, rows_from, t);
        else if constexpr (half_size != vector_size)
            run_row_tiles<half_vector, 1>(first, count, rows_from, t);
    }
}

} // namespace kernel_detail

// Rows [first, first + count) of one block of columns. rows_from(i) gives the tile's rows beginning with row
// i.
template <class MakeRows>
inline void run_column_block(int width, int first, int count, const MakeRows& rows_from,
                             const tile_operands& t) noexcept {
    kernel_detail::run_block<tile_vectors>(width, first, count, rows_from, t);
}

// Lets tiles fetch weights that lie behind their layer's, while it computes: those of the layers to come,
// some of which do nothing but read weights. The tiles do [begin, end) of `all` the layer's work and fetch as
// large a share.
inline void fetch_later_layers(tile_operands& t, const float* end_of_weights, std::ptrdiff_t begin,
                               std::ptrdiff_t end, std::ptrdiff_t all) noexcept {
    constexpr std::ptrdiff_t floats = 114688; // under half of a second-level cache of 1 MiB
    t.later = end_of_weights + floats * begin / all;
    t.later_end = end_of_weights + floats * end / all;
}

// Whether tiles finish faster than the lines that they write come from farther caches. A tile's stores wait
// in a queue while the next one computes: that is long enough where sums are long, and where lines are few.
constexpr bool fetches_output(const layer& l, int depth) noexcept {
    return depth <= 128 && l.out.channels >= 64;
}

// Calls f(block number, width, tile) for each block of output columns, with the tile at output pixel `first`.
// `depth`: input channels a tap; `products`: weights of one column, bias not counted.
template <class Function>
inline void for_each_block(const layer& l, const operands& o, int first, int depth, int products,
                           Function&& f) noexcept {
    const int padded = padded_channels(l.out.channels);
    tile_operands t{};
    t.weights = o.weights;
    t.output_stride = l.out.stride;
    t.residual_stride = padded;
    t.fetches_output = fetches_output(l, depth);
    t.depth = depth;
    t.act = l.act;
    for_each_column_block(l.out.channels, [&](int i, column_block b) {
        t.output = o.output + static_cast<std::ptrdiff_t>(first) * l.out.stride + b.first;
        if (o.residual != nullptr)
            t.residual = o.residual + static_cast<std::ptrdiff_t>(first) * padded + b.first;
        t.valid = l.out.stride - b.first;
        t.ahead = t.weights + static_cast<std::ptrdiff_t>(products + 1) * b.width;
        f(i, b.width, t);
        t.weights += static_cast<std::ptrdiff_t>(products + 1) * b.width;
    });
}

FOVEA_ARCH_NAMESPACE_END
