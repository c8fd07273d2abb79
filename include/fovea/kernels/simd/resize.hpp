// Resizing a map by nearest neighbours, bilinear or bicubic interpolation.
#pragma once

#include <fovea/kernels/simd/map_rows.hpp>
#include <fovea/kernels/simd/vector.hpp>
#include <fovea/math/interpolation.hpp>

#include <new>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// What an output row or column reads.
template <std::size_t N>
using axis_taps = interpolation::taps<float, N>;

// One axis of a resize that reads N input positions an output position.
template <std::size_t N>
class resized_axis {
public:
    resized_axis(int in, int out, const resize_method& method, double factor) noexcept
        : size_(static_cast<std::size_t>(in)), corners_(method.align_corners && N > 1),
          scale_(interpolation::source_scale<float>(size_, static_cast<std::size_t>(out), corners_, factor)) {
    }

    axis_taps<N> at(int position) const noexcept {
        return interpolation::taps_at<float, N>(static_cast<std::size_t>(position), scale_, size_, corners_);
    }

private:
    std::size_t size_;
    bool corners_;
    float scale_;
};

// output[c] = sum of weights[i] * inputs[i][c] for `count` floats, a multiple of 8.
template <std::size_t N>
FOVEA_INLINE void blend(const std::array<const float*, N>& inputs, const std::array<float, N>& weights,
                        int count, float* output) noexcept {
    for_each_vector(0, count, [&](auto tag, int c) {
        using v = decltype(tag);
        v sum = v::load_unaligned(inputs[0] + c) * v(weights[0]);
        FOVEA_UNROLL
        for (std::size_t i = 1; i < N; ++i)
            sum = multiply_add(v::load_unaligned(inputs[i] + c), v(weights[i]), sum);
        sum.store_unaligned(output + c);
    });
}

// A resize that reads N rows and N columns for each output pixel: first rows are blended to one, then its
// pixels.
template <std::size_t N>
class resize_rows {
public:
    // Floats of one worker: where a row is blended, behind what each output column reads.
    static constexpr std::size_t scratch_floats(const layer& l) noexcept {
        return taps_floats(l) + static_cast<std::size_t>(l.in.width * l.in.stride);
    }

    resize_rows(const layer& l, const operands& o) noexcept
        : l_(l), o_(o), rows_(l.in.height, l.out.height, l.resize, l.resize.height_factor),
          columns_(column_taps(l, o.scratch)) {}

    void run(int y, int worker) const noexcept {
        const float* row = blended_row(y, o_.scratch + static_cast<std::size_t>(worker) * scratch_floats(l_) +
                                              taps_floats(l_));
        float* output = o_.output + static_cast<std::ptrdiff_t>(y) * l_.out.width * l_.out.stride;
        const int channels = padded_channels(l_.out.channels);
        for (int x = 0; x < l_.out.width; ++x, output += l_.out.stride) {
            std::array<const float*, N> pixels;
            for (std::size_t i = 0; i < N; ++i)
                pixels[i] = row + columns_[x].index[i] * static_cast<std::size_t>(l_.in.stride);
            blend<N>(pixels, columns_[x].weight, channels, output);
        }
    }

private:
    static constexpr std::size_t taps_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(l.out.width) * sizeof(axis_taps<N>) / sizeof(float);
    }
    // In the first worker's scratch memory, for all of them.
    static const axis_taps<N>* column_taps(const layer& l, float* scratch) noexcept {
        const resized_axis<N> columns(l.in.width, l.out.width, l.resize, l.resize.width_factor);
        void* const memory = scratch;
        for (int x = 0; x < l.out.width; ++x)
            new (static_cast<axis_taps<N>*>(memory) + x) axis_taps<N>(columns.at(x));
        return static_cast<const axis_taps<N>*>(memory);
    }
    const float* blended_row(int y, float* memory) const noexcept {
        const axis_taps<N> taps = rows_.at(y);
        const int floats = l_.in.width * l_.in.stride;
        std::array<const float*, N> rows;
        for (std::size_t i = 0; i < N; ++i)
            rows[i] = o_.input + taps.index[i] * static_cast<std::size_t>(floats);
        if constexpr (N == 1) {
            return rows[0];
        } else {
            blend<N>(rows, taps.weight, floats, memory);
            return memory;
        }
    }

    const layer& l_;
    const operands& o_;
    resized_axis<N> rows_;
    const axis_taps<N>* columns_;
};

} // namespace kernel_detail

struct resize_kernel {
    static constexpr const char* name = "resize";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        using namespace kernel_detail;
        return l.resize.mode == resize_method::mode_type::nearest    ? resize_rows<1>::scratch_floats(l)
               : l.resize.mode == resize_method::mode_type::bilinear ? resize_rows<2>::scratch_floats(l)
                                                                     : resize_rows<4>::scratch_floats(l);
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        switch (l.resize.mode) {
        case resize_method::mode_type::nearest:
            return run_with<1>(l, o, ex);
        case resize_method::mode_type::bilinear:
            return run_with<2>(l, o, ex);
        case resize_method::mode_type::bicubic:
            return run_with<4>(l, o, ex);
        }
    }

private:
    template <std::size_t N>
    static void run_with(const layer& l, const operands& o, executor& ex) noexcept {
        const kernel_detail::resize_rows<N> rows(l, o);
        for_each_output_row(l, ex, [&](int y, int worker) { rows.run(y, worker); });
    }
};

FOVEA_ARCH_NAMESPACE_END
