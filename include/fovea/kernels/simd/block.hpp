// Depthwise convolutions, with the expansion, projection and squeeze-excite pool around them where the graph
// fuses blocks: few rows or few channels at a time, so that the wide map between them stays in the caches.
#pragma once

#include <fovea/kernels/simd/block_parts.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Of a block whose first layer is no convolution of the image.
struct no_stem {
    static constexpr auto run_row = nullptr;
};

// One worker's passes over a block. What depends on window and first convolution is called through pointers,
// once for many rows: one worker is compiled for all kernels.
class block_worker : private block_parts {
public:
    // Output rows [first, last), channels [begin, end): block_parts::convolve().
    using convolution = void (block_worker::*)(const block_ring& ring, int first, int last, int begin,
                                               int end) const noexcept;
    // A row of the network's first convolution, one block of columns.
    using stem_row = void (*)(const layer&, const float* const* rows, int width,
                              const tile_operands&) noexcept;

    struct form {
        convolution convolve;
        stem_row run_stem_row;
    };
    template <int Kernel, int Stride, class Stem>
    static constexpr form form_of() noexcept {
        return {&block_worker::convolve<Kernel, Stride>, Stem::run_row};
    }

    block_worker(const form& f, const layer& l, const block_layers& b, const block_cut& cut,
                 const operands& o, float* scratch, float* sums) noexcept
        : block_parts(l, b, cut, o, scratch, sums), form_(f) {}

    // Output rows [first, last) with all channels, strip by strip.
    void run_rows(int first, int last) const noexcept {
        if (b_.is_stem) {
            row_ring image(b_.expand, o_, image_rows_);
            run_strips(first, last, &image);
        } else {
            run_strips(first, last, nullptr);
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
            (this->*form_.convolve)(ring, 0, b_.depthwise.out.height, c.first, c.first + c.width);
        });
    }

private:
    // Input rows under the first `rows` output rows: the ring has no room for what no window reaches.
    int rows_needed(int rows) const noexcept {
        const window& w = b_.depthwise.win;
        return std::min(b_.depthwise.in.height, (rows - 1) * w.stride_height - w.pad_top + w.kernel_height);
    }
    // `image`: the first convolution's input rows, null where there is none.
    void run_strips(int first, int last, row_ring* image) const noexcept {
        const window& w = b_.depthwise.win;
        block_ring ring(b_, cut_, ring_, 0);
        ring.clear_margins(0, cut_.channels);
        int filled = std::max(0, first * w.stride_height - w.pad_top); // rows before are in the ring
        for (int y = first; y < last; y += cut_.strip_rows) {
            const int end = std::min(last, y + cut_.strip_rows);
            const int needed = rows_needed(end);
            if (!b_.expands || b_.is_stem) {
                if (b_.is_stem)
                    run_stem(*image, ring, filled, needed);
                else
                    ring.copy(o_.input, filled, needed);
                (this->*form_.convolve)(ring, y, end, 0, cut_.channels);
            } else {
                for_each_expand_block([&](int, column_block c, const float* weights) {
                    ring.expand(o_.input, c, weights, depthwise_weights_, filled, needed);
                    (this->*form_.convolve)(ring, y, end, c.first, c.first + c.width);
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
                form_.run_stem_row(b_.expand, rows, c.width, ring.tile_at(c, weights, y));
            });
        }
    }

    const form& form_;
};

// What the kernels of blocks share.
struct any_block_kernel {
    static constexpr const char* name = "depthwise";

    // Expansion, depthwise convolution, projection.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        const block_layers b(l);
        return b.expand_floats() + b.depthwise_floats() + b.project_floats();
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const block_layers b(l);
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
        const block_layers b(l);
        const block_cut cut(b);
        return scratch_floats(l, b, cut);
    }
    static void run(const block_worker::form& form, const layer& l, const operands& o,
                    executor& ex) noexcept {
        const block_layers b(l);
        const block_cut cut(b);
        const std::size_t sums = cut.sums_floats(l);
        const std::size_t scratch = scratch_floats(l, b, cut);
        const auto worker = [&](int i) {
            return block_worker(form, l, b, cut, o, o.scratch + static_cast<std::size_t>(i) * scratch + sums,
                                o.scratch);
        };
        const int workers = b.expands || b.projects ? ex.concurrency() : workers_for(l, ex);
        if (cut.by_columns) {
            parallel_for(ex, workers, count_blocks(cut.channels),
                         [&](int block, int i) { worker(i).run_columns(block); });
        } else {
            const int height = b.depthwise.out.height;
            const int rows = rows_per_task(b.depthwise.win, height, workers);
            parallel_for(ex, workers, (height + rows - 1) / rows, [&](int task, int i) {
                worker(i).run_rows(task * rows, std::min(height, (task + 1) * rows));
            });
        }
        if (l.pools)
            average_rows(o.scratch, l.out.height, cut.channels, l.out.pixels(), o.pool);
    }

private:
    static constexpr std::size_t scratch_floats(const layer& l, const block_layers& b,
                                                const block_cut& cut) noexcept {
        return cut.sums_floats(l) + cut.ring_floats() + cut.strip_floats(b) + cut.stem_floats(b) +
               cut.residual_floats(l, b);
    }
    // Two tasks a worker, unless too much of each would be rows of its window that the task before has
    // filled, too.
    static constexpr int rows_per_task(const window& w, int height, int workers) noexcept {
        const auto cut_into = [&](int tasks) { return (height + tasks - 1) / tasks; };
        const int rows = workers > 1 ? cut_into(2 * workers) : height;
        return rows >= 8 * (w.kernel_height - w.stride_height) ? rows : cut_into(workers);
    }
};

} // namespace kernel_detail

template <int Kernel, int Stride, class Stem = kernel_detail::no_stem>
struct block_kernel : kernel_detail::any_block_kernel {
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        static constexpr auto form = kernel_detail::block_worker::form_of<Kernel, Stride, Stem>();
        any_block_kernel::run(form, l, o, ex);
    }
};

FOVEA_ARCH_NAMESPACE_END
