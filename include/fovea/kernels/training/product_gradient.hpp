// Weight and bias gradients of matrix products: sums over the pixels of a batch.
#pragma once

#include <fovea/kernels/training/outer_product.hpp>
#include <fovea/kernels/training/product.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The pixels of a batch in blocks, each of them summed apart: one chain of additions over a whole map would
// lose digits. Maps of few pixels are summed pixel by pixel through all images. Sums depend neither on the
// range of images nor on who adds them up.
class pixel_blocks {
public:
    static constexpr int most = 512, least = 64;

    // `dense`: all images are one run of pixels.
    pixel_blocks(int images, int pixels, bool dense) noexcept
        : images_(images), pixels_(pixels), continues_(pixels <= least), blocks_((pixels + most - 1) / most) {
        if (continues_ && dense) {
            pixels_ *= images_;
            images_ = 1;
        }
    }
    // f(image, first pixel, count, continues), in order.
    template <class Function>
    void for_each(Function&& f) const noexcept {
        for (int n = 0; n < images_; ++n)
            for (int b = 0; b < blocks_; ++b) {
                const int first = first_of(b);
                f(n, first, first_of(b + 1) - first, continues_);
            }
    }
    constexpr int blocks() const noexcept { return blocks_; }
    constexpr int first_of(int block) const noexcept {
        return static_cast<int>(static_cast<std::ptrdiff_t>(pixels_) * block / blocks_);
    }

private:
    int images_, pixels_;
    bool continues_;
    int blocks_;
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
        pixel_blocks(y.maps, y.pixels, false).for_each([&](int n, int first, int pixels, bool continues) {
            const float* rows =
                output_gradient + n * y.map_stride + static_cast<std::ptrdiff_t>(first) * y.stride + c;
            add_pixels(rows, y.stride, pixels, count, bias_gradient + c, continues);
        });
    });
}

// weight_gradient[r][c] += sum over images and pixels of y[p][r] * x[p][c].
class product_gradient {
public:
    product_gradient(const product_rows& y, const product_rows& x) noexcept : y_(y), x_(x) {}

    // A block of columns that could not be read in whole vectors where it lies, for each worker.
    static constexpr std::size_t scratch_floats(const product_rows& x, int workers) noexcept {
        return reads_whole_vectors(x) ? 0
                                      : static_cast<std::size_t>(workers) * pixel_blocks::most *
                                            static_cast<std::size_t>(padded_channels(x.channels));
    }
    void run(const float* y, const float* x, float* weight_gradient, float* scratch,
             executor& ex) const noexcept {
        constexpr int row_step = 24, column_step = 64;
        const int row_tasks = (y_.channels + row_step - 1) / row_step;
        const int column_tasks = (x_.channels + column_step - 1) / column_step;
        parallel_for(ex, workers(ex), row_tasks * column_tasks, [&](int task, int worker) {
            const int row = task / column_tasks * row_step, column = task % column_tasks * column_step;
            const int rows = std::min(row_step, y_.channels - row),
                      columns = std::min(column_step, x_.channels - column);
            float* const copied = scratch + static_cast<std::ptrdiff_t>(worker) * pixel_blocks::most *
                                                padded_channels(x_.channels);
            outer_output to{weight_gradient + static_cast<std::ptrdiff_t>(row) * x_.channels + column,
                            x_.channels, columns, false};
            blocks().for_each([&](int n, int first, int pixels, bool continues) {
                to.continues = continues;
                outer_operands o{
                    y + n * y_.map_stride + static_cast<std::ptrdiff_t>(first) * y_.stride + row, y_.stride,
                    x + n * x_.map_stride + static_cast<std::ptrdiff_t>(first) * x_.stride + column,
                    x_.stride, pixels};
                if (!reads_whole_vectors(x_))
                    copy_columns(o, columns, copied);
                add_outer_products(rows, columns, o, to);
            });
        });
    }

private:
    static constexpr bool reads_whole_vectors(const product_rows& x) noexcept {
        return x.stride >= padded_channels(x.channels);
    }
    static constexpr bool is_dense(const product_rows& r) noexcept {
        return r.map_stride == static_cast<std::ptrdiff_t>(r.pixels) * r.stride;
    }
    pixel_blocks blocks() const noexcept {
        return {y_.maps, y_.pixels, is_dense(y_) && is_dense(x_) && reads_whole_vectors(x_)};
    }
    int workers(const executor& ex) const noexcept {
        layer l;
        l.in.channels = x_.channels;
        l.out = {y_.maps * y_.pixels, 1, y_.channels, y_.stride};
        return workers_for(l, ex);
    }
    static void copy_columns(outer_operands& o, int columns, float* to) noexcept {
        const int width = padded_channels(columns);
        for (int p = 0; p < o.pixels; ++p)
            for (int c = 0; c < width; ++c)
                to[p * width + c] = c < columns ? o.columns[p * o.columns_stride + c] : 0.0F;
        o.columns = to;
        o.columns_stride = width;
    }

    product_rows y_, x_;
};

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
