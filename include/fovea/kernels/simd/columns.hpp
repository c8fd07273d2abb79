// How a matrix product's output channels are cut into blocks, and how weights are packed for them.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// Rows and vectors of the main tile. 14 x 2 of 32 AVX-512 registers, 6 x 2 of 16 AVX2 or SSE registers and 6
// x 4 of 32 NEON registers leave room for the weights and the broadcast input; benchmarks/kernels has the
// measurement.
#if defined(__AVX512F__)
inline constexpr int tile_rows = 14, tile_vectors = 2;
#elif defined(__aarch64__)
inline constexpr int tile_rows = 6, tile_vectors = 4;
#else
inline constexpr int tile_rows = 6, tile_vectors = 2;
#endif
inline constexpr int block_columns = tile_vectors * vector_size;

// A block of output channels: its first column and its width, one of block_columns, their halves, ..., 8, or
// with AVX-512 what is left where that is 24 or 40.
struct column_block {
    int first, width;
};

// Whether a block ends in a half vector that a tile shares between pairs of rows.
constexpr bool is_paired(int width) noexcept {
    return half_size < vector_size && width > vector_size && width % vector_size != 0;
}
inline constexpr int widest_block = is_paired(block_columns + 8) ? block_columns + 8 : block_columns;

// The block that begins at `column`: as wide as the padded channels allow.
constexpr column_block block_at(int column, int channels) noexcept {
    const int left = padded_channels(channels) - column;
    if (left <= widest_block && is_paired(left))
        return {column, left};
    int width = block_columns;
    while (width > left)
        width /= 2;
    return {column, width};
}

// f(index, block) for each of the blocks that cover `channels`.
template <class Function>
constexpr void for_each_column_block(int channels, Function&& f) noexcept {
    column_block b{0, 0};
    for (int i = 0; b.first + b.width < padded_channels(channels); ++i) {
        b = block_at(b.first + b.width, channels);
        f(i, b);
    }
}

constexpr int count_blocks(int channels) noexcept {
    int count = 0;
    for_each_column_block(channels, [&](int, column_block) { ++count; });
    return count;
}

// Floats of packed weights for one group: bias and `depth` rows for each padded column.
constexpr std::size_t packed_matrix_floats(int depth, int channels) noexcept {
    return static_cast<std::size_t>(depth + 1) * static_cast<std::size_t>(padded_channels(channels));
}

// Packs block by block: bias [width], then [taps][in][width]; columns beyond `channels` are zero.
inline void pack_matrix(const folded_weights& w, int in_channels, int taps, int channels, float* packed) {
    const auto weight_at = [&](int out, int in, int tap) {
        return w.weight[(static_cast<std::size_t>(out) * static_cast<std::size_t>(in_channels) +
                         static_cast<std::size_t>(in)) *
                            static_cast<std::size_t>(taps) +
                        static_cast<std::size_t>(tap)];
    };
    for_each_column_block(channels, [&](int, column_block b) {
        const int c = b.first;
        for (int i = 0; i < b.width; ++i)
            *packed++ = c + i < channels ? w.bias[static_cast<std::size_t>(c + i)] : 0.0F;
        for (int tap = 0; tap < taps; ++tap)
            for (int k = 0; k < in_channels; ++k)
                for (int i = 0; i < b.width; ++i)
                    *packed++ = c + i < channels ? weight_at(c + i, k, tap) : 0.0F;
    });
}

FOVEA_ARCH_NAMESPACE_END
