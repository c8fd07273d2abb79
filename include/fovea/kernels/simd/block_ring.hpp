// The ring of rows that a depthwise convolution reads: filled by an expansion or from a map.
#pragma once

#include <fovea/kernels/simd/block_geometry.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

class block_ring {
public:
    // `memory`: cut.ring_floats(). `first_channel`: the channel that the ring begins with.
    block_ring(const block_layers& b, const block_cut& cut, float* memory, int first_channel) noexcept
        : b_(b), cut_(cut), memory_(memory), zeros_(memory + cut.ring_floats() - cut.zeros_floats()),
          first_channel_(first_channel) {}

    // Zeros left and right of the map's pixels for channels [begin, end), and the row of zeros.
    void clear_margins(int begin, int end) noexcept {
        const int left = b_.depthwise.win.pad_left, right = left + b_.depthwise.in.width;
        for (int c = begin; c < end; c += vector_size)
            for (int y = 0; y < cut_.ring_rows; ++y) {
                float* row = row_at(c, y);
                std::fill_n(row, left * vector_size, 0.0F);
                std::fill_n(row + right * vector_size, (cut_.ring_width - right) * vector_size, 0.0F);
            }
        std::fill_n(zeros_, cut_.zeros_floats(), 0.0F);
    }
    // A tile of the expansion that writes row y, one block of columns.
    tile_operands tile_at(column_block c, const float* weights, int y) const noexcept {
        const layer& e = b_.expand;
        tile_operands t{};
        t.weights = weights;
        t.residual = nullptr;
        t.output = pixels_at(c.first, y);
        t.output_stride = vector_size;
        t.vector_stride = plane_floats();
        t.row_length = t.rows_left = e.out.width;
        t.gap = static_cast<std::ptrdiff_t>(cut_.ring_width - e.out.width) * vector_size;
        t.ahead = weights + static_cast<std::ptrdiff_t>(b_.expand_products() + 1) * c.width;
        t.depth = e.in.channels * e.win.kernel_width;
        t.valid = c.width;
        t.act = e.act;
        return t;
    }
    // Rows [first, last) of the expansion of `input`, one block of columns.
    void expand(const float* input, column_block c, const float* weights, const float* end_of_weights,
                int first, int last) noexcept {
        const map_layout& m = b_.expand.in;
        while (first < last) { // twice where the ring wraps around
            const int rows = std::min(last - first, cut_.ring_rows - first % cut_.ring_rows);
            const float* pixels = input + static_cast<std::ptrdiff_t>(first) * m.width * m.stride;
            tile_operands t = tile_at(c, weights, first);
            if (cut_.by_columns)
                fetch_later_layers(t, end_of_weights, c.first, c.first + c.width, cut_.channels);
            run_column_block(
                c.width, 0, rows * m.width,
                [&](int r) {
                    return strided_rows{pixels + static_cast<std::ptrdiff_t>(r) * m.stride, m.stride};
                },
                t);
            first += rows;
        }
    }
    // Rows [first, last) of a map, all channels.
    void copy(const float* input, int first, int last) noexcept {
        const map_layout& m = b_.depthwise.in;
        const std::ptrdiff_t plane = plane_floats(); // row_at() divides: not for each vector
        for (int y = first; y < last; ++y) {
            const float* pixel = input + static_cast<std::ptrdiff_t>(y) * m.width * m.stride;
            float* slot = pixels_at(0, y);
            for (int x = 0; x < m.width; ++x, pixel += m.stride, slot += vector_size) {
                float* to = slot;
                for_each_vector(0, cut_.channels, [&](auto tag, int c) {
                    decltype(tag)::load_unaligned(pixel + c).store_unaligned(to);
                    to += plane;
                });
            }
        }
    }
    // Row y of the map as pixels of all channels, the way maps are.
    void copy_out(int y, float* pixels) const noexcept {
        const int width = b_.depthwise.in.width;
        for_each_vector(0, cut_.channels, [&](auto tag, int c) {
            using v = decltype(tag);
            const float* row = pixels_at(c, y);
            for (int x = 0; x < width; ++x)
                v::load_unaligned(row + x * vector_size).store_unaligned(pixels + x * cut_.channels + c);
        });
    }
    // The rows under output row y, for one vector of channels.
    template <int Kernel, int Stride>
    FOVEA_INLINE void window_at(int c, int y, window_rows_of<Kernel>& rows) const noexcept {
        for (int ky = 0; ky < Kernel; ++ky) {
            const int row = y * Stride - b_.depthwise.win.pad_top + ky;
            rows[ky] = row >= 0 && row < b_.depthwise.in.height ? row_at(c, row) : zeros_;
        }
    }

private:
    // From a vector of channels to the next.
    std::ptrdiff_t plane_floats() const noexcept {
        return static_cast<std::ptrdiff_t>(cut_.ring_rows) * cut_.ring_width * vector_size;
    }
    // The map's pixels of row y, behind the left margin.
    float* pixels_at(int c, int y) const noexcept {
        return row_at(c, y) + static_cast<std::ptrdiff_t>(b_.depthwise.win.pad_left) * vector_size;
    }
    // The row of the vector that begins with channel c, left margin first.
    FOVEA_INLINE float* row_at(int c, int y) const noexcept {
        return memory_ + (static_cast<std::ptrdiff_t>(c - first_channel_) * cut_.ring_rows +
                          static_cast<std::ptrdiff_t>(y % cut_.ring_rows) * vector_size) *
                             cut_.ring_width;
    }

    const block_layers& b_;
    const block_cut& cut_;
    float* memory_;
    float* zeros_;
    int first_channel_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
