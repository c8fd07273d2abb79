// Weight and bias gradients of matrix products: sums over the pixels of a batch.
#pragma once

#include <fovea/kernels/training/outer_product.hpp>
#include <fovea/kernels/training/product.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Pixels of one image that are summed together.
struct pixel_block {
    int image, first, count;
    bool continues; // the sums so far go on pixel by pixel; else the sum of these is added as a whole
};

// The pixels of a batch in blocks, each of them summed apart: one chain of additions over a whole map would
// lose digits. Maps of few pixels are summed pixel by pixel through all images. Sums depend neither on the
// range of images nor on who adds them up.
class pixel_blocks {
public:
    static constexpr int most = 416, least = 64;

    // `dense`: all images are one run of pixels.
    pixel_blocks(int images, int pixels, bool dense) noexcept
        : images_(images), pixels_(pixels), continues_(pixels <= least) {
        if (continues_ && dense) {
            pixels_ *= images_;
            images_ = 1;
        }
        blocks_ = (pixels_ + most - 1) / most;
    }
    int count() const noexcept { return images_ * blocks_; }
    pixel_block at(int i) const noexcept {
        const int b = i % blocks_, first = share(pixels_, b, blocks_);
        return {i / blocks_, first, share(pixels_, b + 1, blocks_) - first, continues_};
    }
    // The first block of the part `i` of `parts`, which are as many for each image.
    int first_of(int i, int parts) const noexcept {
        const int of_image = parts / images_;
        return i / of_image * blocks_ + share(blocks_, i % of_image, of_image);
    }

private:
    static constexpr int share(int all, int i, int parts) noexcept {
        return static_cast<int>(static_cast<std::ptrdiff_t>(all) * i / parts);
    }

    int images_, pixels_;
    bool continues_;
    int blocks_ = 0;
};

// sums[c] += sum over pixels of rows[p][c], `channels` of them.
inline void add_pixels(const float* rows, std::ptrdiff_t stride, int pixels, int channels, float* sums,
                       bool continues) noexcept {
    for (int c = 0; c < channels; c += half_size) {
        const int valid = channels - c;
        half_vector sum = continues ? load_valid<half_vector>(sums + c, valid) : half_vector(0.0F);
        const float* x = rows + c;
        for (int p = 0; p < pixels; ++p, x += stride)
            sum += load_valid<half_vector>(x, valid);
        store_valid(continues ? sum : sum + load_valid<half_vector>(sums + c, valid), sums + c, valid);
    }
}

// bias_gradient[c] += sum over images and pixels.
inline void add_bias_gradient(const product_rows& y, const float* output_gradient, float* bias_gradient,
                              executor& ex) noexcept {
    constexpr int channels_of_task = 64, least_shared = 1 << 18;
    const int tasks = (y.channels + channels_of_task - 1) / channels_of_task;
    const double floats = static_cast<double>(y.maps) * y.pixels * y.channels;
    parallel_for(ex, floats < least_shared ? 1 : ex.concurrency(), tasks, [&](int task, int) {
        const int c = task * channels_of_task, count = std::min(channels_of_task, y.channels - c);
        const pixel_blocks blocks(y.maps, y.pixels, false);
        for (int i = 0; i < blocks.count(); ++i) {
            const pixel_block b = blocks.at(i);
            const float* const rows = output_gradient + b.image * y.map_stride +
                                      static_cast<std::ptrdiff_t>(b.first) * y.stride + c;
            add_pixels(rows, y.stride, b.count, count, bias_gradient + c, b.continues);
        }
    });
}

// That of a step's images, where it is wanted.
inline void add_bias_gradient(const training_layer& l, const training_operands& o, image_range r,
                              executor& ex) noexcept {
    if (o.bias_gradient != nullptr)
        add_bias_gradient(rows_of(l.out, r.count()), o.output_gradient + r.first * l.out.image_stride,
                          o.bias_gradient, ex);
}

// weight_gradient[r][c] += sum over images and pixels of y[p][r] * x[p][c].
class product_gradient {
public:
    product_gradient(const product_rows& y, const product_rows& x) noexcept : y_(y), x_(x) {}

    // The workers' panels, then the parts of the sum.
    static constexpr std::size_t scratch_floats(const product_rows& y, const product_rows& x,
                                                int workers) noexcept {
        return static_cast<std::size_t>(workers) * panel_floats() +
               (bands(y, x) == 0 ? 0
                                 : static_cast<std::size_t>(y.maps) * static_cast<std::size_t>(bands(y, x)) *
                                       part_floats(y, x));
    }
    void run(const float* y, const float* x, float* gradient, float* scratch, executor& ex) const noexcept {
        if (bands(y_, x_) == 0)
            run_by_tiles(y, x, gradient, scratch, ex);
        else
            run_by_pixels(y, x, gradient, scratch, ex);
    }

private:
    // Rows and columns of the gradient that are worked on together, at most: row panels fit into the
    // second-level cache.
    static constexpr int most_rows = 120;
    // Floats of a block that tiles may read as they lie; pixels farther apart, or more of them, are copied
    // into panels.
    static constexpr int most_direct = 262144;

    // A part of the gradient.
    struct part {
        int row, rows, column, columns;
    };

    static constexpr std::size_t panel_floats() noexcept {
        return whole_cache_lines(outer_panels::floats(most_rows, pixel_blocks::most));
    }
    static constexpr std::size_t part_floats(const product_rows& y, const product_rows& x) noexcept {
        return static_cast<std::size_t>(y.channels) * static_cast<std::size_t>(padded_channels(x.channels));
    }
    // How many parts each image's pixels are summed in, where the gradient is small and pixels are many; else
    // 0.
    static constexpr int bands(const product_rows& y, const product_rows& x) noexcept {
        constexpr int least_pixels = 800, most_bands = 8;
        constexpr std::size_t most_floats = 16384;
        return part_floats(y, x) > most_floats ? 0 : std::min(y.pixels / least_pixels, most_bands);
    }
    static constexpr bool is_dense(const product_rows& r) noexcept {
        return r.map_stride == static_cast<std::ptrdiff_t>(r.pixels) * r.stride;
    }
    int workers(const executor& ex) const noexcept {
        layer l;
        l.in.channels = x_.channels;
        l.out = {y_.maps * y_.pixels, 1, y_.channels, y_.stride};
        return workers_for(l, ex);
    }
    // Tasks are parts of the gradient.
    void run_by_tiles(const float* y, const float* x, float* gradient, float* scratch,
                      executor& ex) const noexcept {
        constexpr int tasks_per_worker = 4, least_rows = 24, least_columns = 48;
        const int all = workers(ex), wanted = all > 1 ? tasks_per_worker * all : 1;
        int row_tasks = (y_.channels + most_rows - 1) / most_rows, column_tasks = 1;
        while (row_tasks * column_tasks < wanted && x_.channels >= 2 * least_columns * column_tasks)
            ++column_tasks;
        while (row_tasks * column_tasks < wanted && y_.channels >= 2 * least_rows * row_tasks)
            ++row_tasks;
        const int row_step = (y_.channels + row_tasks - 1) / row_tasks;
        const int column_step = padded_channels((x_.channels + column_tasks - 1) / column_tasks);
        parallel_for(ex, all, row_tasks * column_tasks, [&](int task, int worker) {
            const int row = task / column_tasks * row_step, column = task % column_tasks * column_step;
            const part of{row, std::min(row_step, y_.channels - row), column,
                          std::min(column_step, x_.channels - column)};
            if (of.rows <= 0 || of.columns <= 0)
                return;
            float* const to = gradient + static_cast<std::ptrdiff_t>(row) * x_.channels + column;
            const pixel_blocks blocks(y_.maps, y_.pixels, is_dense(y_) && is_dense(x_));
            for (int b = 0; b < blocks.count(); ++b)
                add_block(blocks.at(b), of, y, x, {to, x_.channels, of.columns, false},
                          panels(scratch, worker));
        });
    }
    // Tasks are runs of pixels.
    void run_by_pixels(const float* y, const float* x, float* gradient, float* scratch,
                       executor& ex) const noexcept {
        const int cut = bands(y_, x_), padded = padded_channels(x_.channels), all = workers(ex);
        const std::size_t floats = part_floats(y_, x_);
        float* const parts = scratch + static_cast<std::size_t>(ex.concurrency()) * panel_floats();
        const pixel_blocks blocks(y_.maps, y_.pixels, false);
        parallel_for(ex, all, y_.maps * cut, [&](int task, int worker) {
            float* const sums = parts + static_cast<std::size_t>(task) * floats;
            std::fill_n(sums, floats, 0.0F);
            const int end = blocks.first_of(task + 1, y_.maps * cut);
            for (int row = 0; row < y_.channels; row += most_rows)
                for (int b = blocks.first_of(task, y_.maps * cut); b < end; ++b)
                    add_block(blocks.at(b), {row, std::min(most_rows, y_.channels - row), 0, x_.channels}, y,
                              x, {sums + static_cast<std::ptrdiff_t>(row) * padded, padded, padded, false},
                              panels(scratch, worker));
        });
        parallel_for(ex, all, y_.channels, [&](int row, int) {
            for (int i = 0; i < y_.maps * cut; ++i)
                for (int c = 0; c < x_.channels; c += half_size) {
                    float* const at = gradient + static_cast<std::ptrdiff_t>(row) * x_.channels + c;
                    const float* const sums = parts + static_cast<std::size_t>(i) * floats +
                                              static_cast<std::ptrdiff_t>(row) * padded + c;
                    const int valid = x_.channels - c;
                    store_valid(load_valid<half_vector>(at, valid) + half_vector::load_unaligned(sums), at,
                                valid);
                }
        });
    }
    static outer_panels panels(float* scratch, int worker) noexcept {
        return outer_panels(scratch + static_cast<std::size_t>(worker) * panel_floats());
    }
    // One block's pixels.
    void add_block(const pixel_block& block, const part& of, const float* y, const float* x, outer_sums to,
                   const outer_panels& panels) const noexcept {
        to.continues = block.continues;
        outer_operands o{y + block.image * y_.map_stride +
                             static_cast<std::ptrdiff_t>(block.first) * y_.stride + of.row,
                         y_.stride,
                         x + block.image * x_.map_stride +
                             static_cast<std::ptrdiff_t>(block.first) * x_.stride + of.column,
                         x_.stride, block.count};
        if (block.count * (x_.stride + y_.stride) <= most_direct && x_.stride >= padded_channels(x_.channels))
            add_outer_products(of.rows, of.columns, o, to);
        else
            panels.add(of.rows, of.columns, o, to);
    }

    product_rows y_, x_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
