// Pointwise convolutions and linear layers: a matrix product of pixels and prepacked weights.
#pragma once

#include <fovea/kernels/simd/column_tiles.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Pixels worked on together while all weights pass by. Weights that fit beside them into the first-level
// cache let pixels stay there; larger ones come from farther away, and more pixels make that rarer.
constexpr int chunk_rows(const layer& l) noexcept {
    constexpr int first_level_floats = 8192, second_level_floats = 65536;
    const int floats = packed_matrix_floats(l.in.channels, l.out.channels) <= first_level_floats
                           ? first_level_floats
                           : second_level_floats;
    return std::max(tile_rows, floats / std::max(l.in.channels, 1) / tile_rows * tile_rows);
}

// How a pointwise layer is cut into tasks: chunks of pixels, and groups of column blocks where pixels are few
// or weights are more than pixels.
struct pointwise_tasks {
    int chunks, chunk, groups, blocks;

    pointwise_tasks(const layer& l, bool gated, int workers) noexcept
        : chunk(std::min(chunk_rows(l), l.out.pixels())), groups(1), blocks(count_blocks(l.out.channels)) {
        constexpr int tasks_per_worker = 4;
        const int wanted = workers > 1 ? tasks_per_worker * workers : 1, pixels = l.out.pixels();
        // Every worker scales the pixels that it reads: gated layers are better cut by pixels.
        if (gated || padded_channels(l.out.channels) <= pixels)
            chunk = std::min(chunk, std::max(tile_rows, (pixels + wanted - 1) / wanted));
        chunks = (pixels + chunk - 1) / chunk;
        if (chunks < wanted)
            groups = std::min(blocks, (wanted + chunks - 1) / chunks);
    }
};

// scaled[r][k] = input[r][k] * gate[k] for `count` pixels.
inline void scale_rows(const layer& l, const float* input, const float* gate, int count,
                       float* scaled) noexcept {
    for (int r = 0; r < count; ++r) {
        const std::ptrdiff_t row = static_cast<std::ptrdiff_t>(r) * l.in.stride;
        for_each_vector(0, l.in.stride, [&](auto tag, int c) {
            using v = decltype(tag);
            (v::load_unaligned(input + row + c) * v::load_unaligned(gate + c))
                .store_unaligned(scaled + row + c);
        });
    }
}

// A gate on the input's channels is a factor of the weights' rows, too, and there it is the less work where
// pixels are many.
constexpr bool gates_weights(const layer& l) noexcept {
    return l.out.pixels() >= 3 * padded_channels(l.out.channels);
}

// The packed weights with every input channel's row times its gate.
inline void scale_weights(const layer& l, const float* weights, const float* gate, float* scaled) noexcept {
    for_each_column_block(l.out.channels, [&](int, column_block b) {
        std::copy_n(weights, b.width, scaled); // the bias
        for (int k = 0; k < l.in.channels; ++k) {
            weights += b.width;
            scaled += b.width;
            for_each_vector(0, b.width, [&](auto tag, int c) {
                using v = decltype(tag);
                (v::load_unaligned(weights + c) * v(gate[k])).store_unaligned(scaled + c);
            });
        }
        weights += b.width;
        scaled += b.width;
    });
}

inline void run_pointwise_chunk(const layer& l, const operands& o, int first, int count, int first_block,
                                int last_block, float* scratch) noexcept {
    const float* input = o.input + static_cast<std::ptrdiff_t>(first) * l.in.stride;
    if (o.gate != nullptr) {
        scale_rows(l, input, o.gate, count, scratch);
        input = scratch;
    }
    const std::ptrdiff_t blocks = count_blocks(l.out.channels), all = blocks * l.out.pixels();
    const float* end = o.weights + packed_matrix_floats(l.in.channels, l.out.channels);
    for_each_block(l, o, first, l.in.channels, l.in.channels, [&](int i, int width, tile_operands t) {
        if (i < first_block || i >= last_block)
            return;
        const std::ptrdiff_t begin = first * blocks + i * count;
        fetch_later_layers(t, end, begin, begin + count, all);
        run_column_block(
            width, 0, count,
            [&](int r) {
                return strided_rows{input + static_cast<std::ptrdiff_t>(r) * l.in.stride, l.in.stride};
            },
            t);
    });
}

} // namespace kernel_detail

struct pointwise_kernel {
    static constexpr const char* name = "pointwise";

    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return packed_matrix_floats(l.in.channels, l.out.channels);
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        pack_matrix(w, l.in.channels, 1, l.out.channels, packed);
    }
    // Scaled pixels, or scaled weights, of which only the first worker's are used.
    static constexpr std::size_t scratch_floats(const layer& l, bool gated) noexcept {
        if (!gated)
            return 0;
        return kernel_detail::gates_weights(l) ? packed_floats(l)
                                               : static_cast<std::size_t>(kernel_detail::chunk_rows(l)) *
                                                     static_cast<std::size_t>(l.in.stride);
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        if (o.gate == nullptr || !kernel_detail::gates_weights(l))
            return run_tasks(l, o, ex);
        kernel_detail::scale_weights(l, o.weights, o.gate, o.scratch);
        operands scaled = o;
        scaled.weights = o.scratch;
        scaled.gate = nullptr;
        run_tasks(l, scaled, ex);
    }

private:
    static void run_tasks(const layer& l, const operands& o, executor& ex) noexcept {
        const int workers = workers_for(l, ex);
        const kernel_detail::pointwise_tasks tasks(l, o.gate != nullptr, workers);
        const std::size_t scratch = scratch_floats(l, o.gate != nullptr);
        parallel_for(ex, workers, tasks.chunks * tasks.groups, [&](int task, int worker) {
            const int first = task / tasks.groups * tasks.chunk;
            const int group = task % tasks.groups;
            kernel_detail::run_pointwise_chunk(l, o, first, std::min(tasks.chunk, l.out.pixels() - first),
                                               group * tasks.blocks / tasks.groups,
                                               (group + 1) * tasks.blocks / tasks.groups,
                                               o.scratch + static_cast<std::size_t>(worker) * scratch);
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
