// A depthwise convolution with what is fused to it, taken apart: the geometry of its layers, and how rows and
// channels are cut for the caches.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>
#include <fovea/kernels/simd/depthwise_weights.hpp>
#include <fovea/kernels/simd/depthwise_window.hpp>
#include <fovea/kernels/simd/row_ring.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The layers of a block, each as if it were alone. Expansion and projection may be missing; the network's
// first convolution may be in the expansion's place.
struct block_layers {
    layer expand, depthwise, project;
    bool expands, is_stem, projects;

    constexpr explicit block_layers(const layer& l) noexcept
        : expands(l.expand.exists()), is_stem(expands && !l.expand.win.is_pointwise()),
          projects(l.depthwise.exists()) {
        depthwise.win = projects ? l.depthwise.win : l.win;
        depthwise.act = projects ? l.depthwise.act : l.act;
        depthwise.in = expands ? l.expand.out : l.in;
        depthwise.out = projects ? l.depthwise.out : l.out;
        depthwise.groups = depthwise.out.channels;
        expand.win = l.expand.win;
        expand.act = l.expand.act;
        expand.in = l.in;
        expand.out = l.expand.out;
        project.act = l.act;
        project.in = l.depthwise.out;
        project.out = l.out;
    }
    // Weights of one expanded channel, the bias not counted.
    constexpr int expand_products() const noexcept {
        return expand.in.channels * expand.win.kernel_height * expand.win.kernel_width;
    }
    constexpr std::size_t expand_floats() const noexcept {
        return expands ? packed_matrix_floats(expand_products(), expand.out.channels) : 0;
    }
    constexpr std::size_t depthwise_floats() const noexcept {
        return depthwise_weights::packed_floats(depthwise);
    }
    constexpr std::size_t project_floats() const noexcept {
        return projects ? packed_matrix_floats(project.in.channels, project.out.channels) : 0;
    }
};

// How a block is worked through. The rows that the depthwise convolution reads lie in a ring: [vector of
// channels][row][pixel][vector_size], with columns of zeros left and right, so that the convolution has no
// edges and reads one short stream of memory after the other.
struct block_cut {
    int channels;    // of the depthwise convolution, padded
    int ring_width;  // pixels of a ring's row
    int strip_rows;  // output rows worked on together
    int ring_rows;   // input rows under them
    bool by_columns; // the whole map at once, one block of columns after the other

    constexpr explicit block_cut(const block_layers& b) noexcept
        : channels(padded_channels(b.depthwise.out.channels)), ring_width(width_of(b.depthwise)),
          strip_rows(1), ring_rows(0), by_columns(false) {
        const layer& d = b.depthwise;
        by_columns = b.expands && !b.is_stem && !b.projects &&
                     product(rows_under(d, d.out.height), ring_width, block_columns) <= second_level_floats;
        const auto fits = [&](int rows) {
            return product(rows_under(d, rows), ring_width, std::min(block_columns, channels)) <=
                       first_level_floats &&
                   product(rows, d.out.width, channels) <= second_level_floats;
        };
        while (strip_rows < d.out.height && (by_columns || fits(strip_rows + 1)))
            ++strip_rows;
        ring_rows = rows_under(d, strip_rows);
    }
    // Floats of the ring and a row of zeros behind it.
    constexpr std::size_t ring_floats() const noexcept {
        const int width = by_columns ? widest_block : channels;
        return floats(ring_rows * ring_width, (width + vector_size - 1) / vector_size * vector_size) +
               zeros_floats();
    }
    constexpr std::size_t zeros_floats() const noexcept { return floats(ring_width, vector_size); }
    // Floats of the depthwise rows that wait for their projection, or of one vector's row that waits for its
    // SiLU.
    constexpr std::size_t strip_floats(const block_layers& b) const noexcept {
        return b.projects ? floats(strip_rows * b.depthwise.out.width, channels)
                          : floats(b.depthwise.out.width, vector_size);
    }
    // Floats of the expanded rows that are the residual of a strip.
    constexpr std::size_t residual_floats(const layer& l, const block_layers& b) const noexcept {
        return l.adds_expanded ? floats(strip_rows * b.depthwise.in.width, channels) : 0;
    }
    // Floats of the first convolution's input rows.
    constexpr std::size_t stem_floats(const block_layers& b) const noexcept {
        return b.is_stem ? whole_cache_lines(row_ring::floats(b.expand)) : 0;
    }
    // Floats of the pool's sums of rows.
    constexpr std::size_t sums_floats(const layer& l) const noexcept {
        return l.pools ? floats(l.out.height, channels) : 0;
    }

private:
    // Half of a first-level cache of 48 KiB or more, and a tenth of a second-level one of 1 MiB.
    static constexpr int first_level_floats = 8192, second_level_floats = 24576;

    static constexpr std::size_t floats(int a, int b) noexcept {
        return whole_cache_lines(static_cast<std::size_t>(a) * static_cast<std::size_t>(b));
    }
    // Maps may be large: more than an int counts.
    static constexpr std::ptrdiff_t product(std::ptrdiff_t a, std::ptrdiff_t b, std::ptrdiff_t c) noexcept {
        return a * b * c;
    }
    static constexpr int rows_under(const layer& d, int rows) noexcept {
        return columns_under(rows, d.win.kernel_height, d.win.stride_height);
    }
    static constexpr int width_of(const layer& d) noexcept {
        return std::max(columns_under(d.out.width, d.win.kernel_width, d.win.stride_width),
                        d.win.pad_left + d.in.width);
    }
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
