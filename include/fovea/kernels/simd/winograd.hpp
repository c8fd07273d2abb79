// Dense 3x3 convolutions at stride 1 over many channels: 2.25 products an output instead of 9.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>
#include <fovea/kernels/simd/winograd_transform.hpp>

#include <algorithm>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Where the kernel is 1.6 to 2.9 times as fast as direct convolution (benchmarks/dense_3x3). On maps of 5x5
// and less it is behind: convolutions without padding, which occur there (SSD's last levels), are left out.
constexpr bool is_winograd(const window& w, int in_channels, int out_channels) noexcept {
    const bool padded_by_1 = w.pad_top == 1 && w.pad_left == 1 && w.pad_bottom == 1 && w.pad_right == 1;
    const bool is_3x3 = w.kernel_height == 3 && w.kernel_width == 3 && w.stride_height == 1 &&
                        w.stride_width == 1 && w.dilation == 1;
    return is_3x3 && padded_by_1 && in_channels >= 16 && in_channels % channel_multiple == 0 &&
           out_channels >= 16;
}

// A layer's output in tiles of 4x4 pixels, worked on group by group: [36][tiles of a group][channels] inputs
// and likewise outputs of the products.
struct winograd_tiles {
    int across, count, group;
    std::ptrdiff_t in_stride, out_stride;

    constexpr explicit winograd_tiles(const layer& l) noexcept
        : across((l.out.width + winograd_tile - 1) / winograd_tile),
          count((l.out.height + winograd_tile - 1) / winograd_tile * across), group(0),
          in_stride(padded_channels(l.in.channels)), out_stride(padded_channels(l.out.channels)) {
        group = std::min(count, best_group(in_stride + out_stride));
    }
    constexpr std::size_t scratch_floats() const noexcept {
        return static_cast<std::size_t>(winograd_products * (plane(in_stride) + plane(out_stride)));
    }
    // Floats from one of the 36 matrices to the next: an odd number of cache lines, as transforms work on all
    // 36 at once and even distances would put them into a few sets of the cache.
    constexpr std::ptrdiff_t plane(std::ptrdiff_t stride) const noexcept {
        constexpr int line = 16;
        return ((group * stride + line - 1) / line | 1) * line;
    }

private:
    // Few channels: what stays in the second-level cache. Many: the weights come from memory, and a larger
    // group makes that rarer.
    static constexpr int best_group(std::ptrdiff_t channels) noexcept {
        constexpr int cached_floats = 196608, least = 24, large = 96;
        const int cached =
            static_cast<int>(cached_floats / (winograd_products * channels)) / tile_rows * tile_rows;
        return cached >= least ? cached : large;
    }
};

// What one task computes: tiles [first, first + count), output channels of the blocks [first_block,
// last_block).
struct winograd_part {
    int first, count, first_block, last_block;
};

class winograd_group {
public:
    // `memory`: tiles.scratch_floats().
    winograd_group(const layer& l, const operands& o, const winograd_tiles& tiles, const winograd_part& part,
                   float* memory) noexcept
        : l_(l), o_(o), tiles_(tiles), part_(part), input_(memory),
          products_(memory + winograd_products * tiles.plane(tiles.in_stride)) {}

    void run() noexcept {
        for (int t = 0; t < part_.count; ++t)
            transform_input(t);
        multiply();
        for (int t = 0; t < part_.count; ++t)
            transform_output(t);
    }

private:
    const float* bias() const noexcept {
        return o_.weights + winograd_products * packed_matrix_floats(l_.in.channels, l_.out.channels);
    }
    const float* zeros() const noexcept { return bias() + tiles_.out_stride; }
    int top(int t) const noexcept { return (part_.first + t) / tiles_.across * winograd_tile; }
    int left(int t) const noexcept { return (part_.first + t) % tiles_.across * winograd_tile; }

    // The pixels under tile t, or zeros outside of the map.
    void gather(int t, array_of<const float*, winograd_products>& pixels) const noexcept {
        const float** out = pixels;
        for (int y = top(t) - l_.win.pad_top, i = 0; i < winograd_side; ++i, ++y)
            for (int x = left(t) - l_.win.pad_left, j = 0; j < winograd_side; ++j, ++x)
                *out++ = y >= 0 && y < l_.in.height && x >= 0 && x < l_.in.width
                             ? o_.input + (static_cast<std::ptrdiff_t>(y) * l_.in.width + x) * l_.in.stride
                             : zeros();
    }
    void transform_input(int t) noexcept {
        array_of<const float*, winograd_products> pixels;
        gather(t, pixels);
        const std::ptrdiff_t plane = tiles_.plane(tiles_.in_stride);
        float* const out = input_ + t * tiles_.in_stride;
        for_each_vector(0, static_cast<int>(tiles_.in_stride), [&](auto tag, int c) {
            using v = decltype(tag);
            array_of<winograd_line<v>, winograd_side> columns; // [x][y]
            for (int x = 0; x < winograd_side; ++x) {
                FOVEA_UNROLL
                for (int y = 0; y < winograd_side; ++y)
                    columns[x][y] = v::load_unaligned(pixels[y * winograd_side + x] + c);
                transform_input_line(columns[x]);
            }
            for (int y = 0; y < winograd_side; ++y) {
                winograd_line<v> line;
                FOVEA_UNROLL
                for (int x = 0; x < winograd_side; ++x)
                    line[x] = columns[x][y];
                transform_input_line(line);
                FOVEA_UNROLL
                for (int x = 0; x < winograd_side; ++x)
                    line[x].store_unaligned(out + (y * winograd_side + x) * plane + c);
            }
        });
    }
    // products[i][tile] = input[i][tile] * weights[i], 36 matrix products.
    void multiply() noexcept {
        layer product;
        product.out = {1, part_.count, l_.out.channels, static_cast<int>(tiles_.out_stride)};
        operands o;
        o.weights = o_.weights;
        o.output = products_;
        const float* input = input_;
        for (int i = 0; i < winograd_products; ++i) {
            for_each_block(
                product, o, 0, l_.in.channels, l_.in.channels,
                [&](int block, int width, const tile_operands& t) {
                    if (block >= part_.first_block && block < part_.last_block)
                        run_column_block(
                            width, 0, part_.count,
                            [&](int r) {
                                return strided_rows{input + r * tiles_.in_stride, tiles_.in_stride};
                            },
                            t);
                });
            o.weights += packed_matrix_floats(l_.in.channels, l_.out.channels);
            o.output += tiles_.plane(tiles_.out_stride);
            input += tiles_.plane(tiles_.in_stride);
        }
    }
    void transform_output(int t) noexcept {
        const int rows = std::min(winograd_tile, l_.out.height - top(t));
        const int columns = std::min(winograd_tile, l_.out.width - left(t));
        const std::ptrdiff_t plane = tiles_.plane(tiles_.out_stride);
        const float* const in = products_ + t * tiles_.out_stride;
        const std::ptrdiff_t pixel = static_cast<std::ptrdiff_t>(top(t)) * l_.out.width + left(t);
        const int first = first_column(part_.first_block);
        const int last = std::min(first_column(part_.last_block), l_.out.stride);
        for_each_vector(first, last, [&](auto tag, int c) {
            using v = decltype(tag);
            array_of<array_of<v, winograd_tile>, winograd_side> columns_done; // [x][y]
            for (int x = 0; x < winograd_side; ++x) {
                winograd_line<v> line;
                FOVEA_UNROLL
                for (int y = 0; y < winograd_side; ++y)
                    line[y] = v::load_unaligned(in + (y * winograd_side + x) * plane + c);
                transform_output_line(line, columns_done[x]);
            }
            const v bias_of_channel = v::load_unaligned(bias() + c);
            for (int y = 0; y < rows; ++y) {
                winograd_line<v> line;
                FOVEA_UNROLL
                for (int x = 0; x < winograd_side; ++x)
                    line[x] = columns_done[x][y];
                array_of<v, winograd_tile> out;
                transform_output_line(line, out);
                tile_operands to = operands_at(pixel + static_cast<std::ptrdiff_t>(y) * l_.out.width, c);
                for (int x = 0; x < columns; ++x) {
                    array_of<array_of<v, 1>, 1> sum{{out[x] + bias_of_channel}};
                    finish_tile<v, 1, 1>(sum, to);
                }
            }
        });
    }
    int first_column(int block) const noexcept {
        int column = 0;
        for (int i = 0; i < block; ++i)
            column += block_at(column, l_.out.channels).width;
        return column;
    }
    tile_operands operands_at(std::ptrdiff_t pixel, int channel) const noexcept {
        tile_operands t{};
        t.output = o_.output + pixel * l_.out.stride + channel;
        t.output_stride = l_.out.stride;
        t.residual = o_.residual == nullptr ? nullptr : o_.residual + pixel * tiles_.out_stride + channel;
        t.residual_stride = tiles_.out_stride;
        t.valid = l_.out.stride - channel;
        t.act = l_.act;
        return t;
    }

    const layer& l_;
    const operands& o_;
    const winograd_tiles& tiles_;
    winograd_part part_;
    float* input_;
    float* products_;
};

} // namespace kernel_detail

struct winograd_kernel {
    static constexpr const char* name = "winograd";

    // 36 matrices without bias, the bias, a pixel of zeros.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return kernel_detail::winograd_products * packed_matrix_floats(l.in.channels, l.out.channels) +
               static_cast<std::size_t>(padded_channels(l.out.channels) + padded_channels(l.in.channels));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const std::size_t in = static_cast<std::size_t>(l.in.channels),
                          out = static_cast<std::size_t>(l.out.channels);
        constexpr std::size_t products = kernel_detail::winograd_products;
        std::vector<float> transformed(products * out * in); // [36][out][in]
        for (std::size_t i = 0; i < out * in; ++i) {
            std::array<double, 9> window{};
            std::copy_n(w.weight.begin() + 9 * i, window.size(), window.begin());
            const auto values = kernel_detail::transform_weights(window);
            for (std::size_t p = 0; p < products; ++p)
                transformed[p * out * in + i] = static_cast<float>(values[p]);
        }
        const std::vector<float> no_bias(out);
        for (std::size_t p = 0; p < products;
             ++p, packed += packed_matrix_floats(l.in.channels, l.out.channels))
            pack_matrix({{transformed.data() + p * out * in, out * in}, no_bias}, l.in.channels, 1,
                        l.out.channels, packed);
        std::fill_n(std::copy(w.bias.begin(), w.bias.end(), packed),
                    padded_channels(l.out.channels) - l.out.channels + padded_channels(l.in.channels), 0.0F);
    }
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        return kernel_detail::winograd_tiles(l).scratch_floats();
    }
    // Workers share the tiles, or where these are few the output channels and with them the weights.
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const kernel_detail::winograd_tiles tiles(l);
        const int workers = workers_for(l, ex), blocks = count_blocks(l.out.channels);
        const int least = (tiles.count + tiles.group - 1) / tiles.group;
        const int shares = least == 1 ? std::min(workers, blocks) : 1;
        const int groups = shares > 1 ? 1 : std::min(tiles.count, (least + workers - 1) / workers * workers);
        parallel_for(ex, workers, groups * shares, [&](int task, int worker) {
            const auto first_tile = [&](int group) {
                return static_cast<int>(static_cast<std::ptrdiff_t>(group) * tiles.count / groups);
            };
            const int group = task / shares, share = task % shares;
            const int first = first_tile(group);
            kernel_detail::winograd_group(l, o, tiles,
                                          {first, first_tile(group + 1) - first, share * blocks / shares,
                                           (share + 1) * blocks / shares},
                                          o.scratch +
                                              static_cast<std::size_t>(worker) * tiles.scratch_floats())
                .run();
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
