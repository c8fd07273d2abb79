// Depthwise convolutions, with the expansion, projection and squeeze-excite pool around them where the graph
// fuses blocks: few rows or few channels at a time, so that the wide map between them stays in the caches.
#pragma once

#include <fovea/kernels/simd/block_parts.hpp>

#include <type_traits>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Of a block whose first layer is no convolution of the image.
struct no_stem {};

// One worker's passes over a block. Stem: how rows of the network's first convolution are computed.
template <int Kernel, int Stride, class Stem>
class block_worker : private block_parts {
public:
    using block_parts::block_parts;

    // Output rows [first, last) with all channels, strip by strip.
    void run_rows(int first, int last) const noexcept {
        if constexpr (!std::is_same_v<Stem, no_stem>) {
            row_ring image(b_.expand, o_, image_rows_);
            run_strips(first, last,
                       [&](block_ring& ring, int begin, int end) { run_stem(image, ring, begin, end); });
        } else {
            run_strips(first, last,
                       [&](block_ring& ring, int begin, int end) { ring.copy(o_.input, begin, end); });
        }
    }
    // The whole map, the i-th block of columns.
    void run_columns(int i) const noexcept {
        for_each_expand_block([&](int n, column_block c, const float* weights) {
            if (n != i)
                return;
            block_ring ring(b_, cut_, ring_, c.first);
            ring.clear_margins(c.first, c.first + c.width);
            ring.expand(o_.input, c, weights, depthwise_weights_, 0, rows_needed(b_.depthwise.out.height));
            convolve<Kernel, Stride>(ring, 0, b_.depthwise.out.height, c.first, c.first + c.width);
        });
    }

private:
    // Input rows under the first `rows` output rows: the ring has no room for what no window reaches.
    int rows_needed(int rows) const noexcept {
        return std::min(b_.depthwise.in.height, (rows - 1) * Stride - b_.depthwise.win.pad_top + Kernel);
    }
    // `fill(ring, begin, end)` fills rows of all channels where there is no expansion.
    template <class Fill>
    void run_strips(int first, int last, const Fill& fill) const noexcept {
        block_ring ring(b_, cut_, ring_, 0);
        ring.clear_margins(0, cut_.channels);
        int filled = std::max(0, first * Stride - b_.depthwise.win.pad_top); // rows before are in the ring
        for (int y = first; y < last; y += cut_.strip_rows) {
            const int end = std::min(last, y + cut_.strip_rows);
            const int needed = rows_needed(end);
            if (!b_.expands || b_.is_stem) {
                fill(ring, filled, needed);
                convolve<Kernel, Stride>(ring, y, end, 0, cut_.channels);
            } else {
                for_each_expand_block([&](int, column_block c, const float* weights) {
                    ring.expand(o_.input, c, weights, depthwise_weights_, filled, needed);
                    convolve<Kernel, Stride>(ring, y, end, c.first, c.first + c.width);
                });
            }
            filled = std::max(filled, needed);
            if (b_.projects)
                project(ring, y, end);
        }
    }
    // Rows [begin, end) of the network's first convolution.
    void run_stem(row_ring& image, block_ring& ring, int begin, int end) const noexcept {
        for (int y = begin; y < end; ++y) {
            const float* const* rows = image.move_to(y);
            for_each_expand_block([&](int, column_block c, const float* weights) {
                Stem::run_row(b_.expand, rows, c.width, ring.tile_at(c, weights, y));
            });
        }
    }
};

} // namespace kernel_detail

template <int Kernel, int Stride, class Stem = kernel_detail::no_stem>
struct block_kernel {
    static constexpr const char* name = "depthwise";

    // Expansion, depthwise convolution, projection.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        const kernel_detail::block_layers b(l);
        return b.expand_floats() + b.depthwise_floats() + b.project_floats();
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const kernel_detail::block_layers b(l);
        const folded_weights& depthwise = b.projects ? *w.before : w;
        if (b.expands)
            pack_matrix(*depthwise.before, b.expand.in.channels,
                        b.expand.win.kernel_height * b.expand.win.kernel_width, b.expand.out.channels,
                        packed);
        packed += b.expand_floats();
        depthwise_weights::pack(b.depthwise, depthwise, packed);
        if (b.projects)
            pack_matrix(w, b.project.in.channels, 1, b.project.out.channels, packed + b.depthwise_floats());
    }
    // Each worker's begins with the sums of rows, of which only the first worker's are used.
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        const kernel_detail::block_layers b(l);
        const kernel_detail::block_cut cut(b);
        return scratch_floats(l, b, cut);
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const kernel_detail::block_layers b(l);
        const kernel_detail::block_cut cut(b);
        const std::size_t sums = cut.sums_floats(l);
        const std::size_t scratch = scratch_floats(l, b, cut);
        const auto worker = [&](int i) {
            return kernel_detail::block_worker<Kernel, Stride, Stem>(
                l, b, cut, o, o.scratch + static_cast<std::size_t>(i) * scratch + sums, o.scratch);
        };
        const int workers = b.expands || b.projects ? ex.concurrency() : workers_for(l, ex);
        if (cut.by_columns) {
            parallel_for(ex, workers, count_blocks(cut.channels),
                         [&](int block, int i) { worker(i).run_columns(block); });
        } else {
            const int height = b.depthwise.out.height;
            const int rows = rows_per_task(height, workers);
            parallel_for(ex, workers, (height + rows - 1) / rows, [&](int task, int i) {
                worker(i).run_rows(task * rows, std::min(height, (task + 1) * rows));
            });
        }
        if (l.pools)
            kernel_detail::average_rows(o.scratch, l.out.height, cut.channels, l.out.pixels(), o.pool);
    }

private:
    static constexpr std::size_t scratch_floats(const layer& l, const kernel_detail::block_layers& b,
                                                const kernel_detail::block_cut& cut) noexcept {
        return cut.sums_floats(l) + cut.ring_floats() + cut.strip_floats(b) + cut.stem_floats(b) +
               cut.residual_floats(l, b);
    }
    // Two tasks a worker, unless too much of each would be rows of its window that the task before has
    // filled, too.
    static constexpr int rows_per_task(int height, int workers) noexcept {
        const auto cut_into = [&](int tasks) { return (height + tasks - 1) / tasks; };
        const int rows = workers > 1 ? cut_into(2 * workers) : height;
        return rows >= 8 * (Kernel - Stride) ? rows : cut_into(workers);
    }
};

FOVEA_ARCH_NAMESPACE_END
