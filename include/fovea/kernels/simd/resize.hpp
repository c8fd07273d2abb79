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
    resized_axis(int in, int out, const resize_rule& rule, double factor) noexcept
        : size_(static_cast<std::size_t>(in)), corners_(rule.align_corners && N > 1),
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

// Output pixel `output` from the crossings of rows and columns.
template <std::size_t N>
inline void resize_pixel(const layer& l, const operands& o, const axis_taps<N>& rows,
                         const axis_taps<N>& columns, float* output) noexcept {
    const float* pixels[N][N];
    float weights[N][N];
    for (std::size_t i = 0; i < N; ++i)
        for (std::size_t j = 0; j < N; ++j) {
            const std::size_t pixel = rows.index[i] * static_cast<std::size_t>(l.in.width) + columns.index[j];
            pixels[i][j] = o.input + pixel * static_cast<std::size_t>(l.in.stride);
            weights[i][j] = rows.weight[i] * columns.weight[j];
        }
    for_each_vector(0, padded_channels(l.out.channels), [&](auto tag, int c) {
        using v = decltype(tag);
        v sum = v::load_unaligned(pixels[0][0] + c) * v(weights[0][0]);
        FOVEA_UNROLL
        for (std::size_t k = 1; k < N * N; ++k)
            sum = multiply_add(v::load_unaligned(pixels[k / N][k % N] + c), v(weights[k / N][k % N]), sum);
        sum.store_unaligned(output + c);
    });
}

template <std::size_t N>
inline void resize_map(const layer& l, const operands& o, executor& ex) noexcept {
    const resized_axis<N> rows(l.in.height, l.out.height, l.resize, l.resize.height_factor);
    const resized_axis<N> columns(l.in.width, l.out.width, l.resize, l.resize.width_factor);
    // All rows read the same columns.
    void* const scratch = o.scratch;
    auto* const taps = static_cast<axis_taps<N>*>(scratch);
    for (int x = 0; x < l.out.width; ++x)
        new (taps + x) axis_taps<N>(columns.at(x));
    for_each_output_row(l, ex, [&](int y) {
        const axis_taps<N> row = rows.at(y);
        float* output = o.output + static_cast<std::ptrdiff_t>(y) * l.out.width * l.out.stride;
        for (int x = 0; x < l.out.width; ++x)
            resize_pixel<N>(l, o, row, taps[x], output + static_cast<std::ptrdiff_t>(x) * l.out.stride);
    });
}

} // namespace kernel_detail

struct resize_kernel {
    static constexpr const char* name = "resize";

    static constexpr std::size_t packed_floats(const layer&) noexcept { return 0; }
    static void pack(const layer&, const folded_weights&, float*) {}
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        return static_cast<std::size_t>(l.out.width) * taps_bytes(l.resize.mode) / sizeof(float);
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        switch (l.resize.mode) {
        case resize_rule::mode_type::nearest:
            return kernel_detail::resize_map<1>(l, o, ex);
        case resize_rule::mode_type::bilinear:
            return kernel_detail::resize_map<2>(l, o, ex);
        case resize_rule::mode_type::bicubic:
            return kernel_detail::resize_map<4>(l, o, ex);
        }
    }

private:
    static constexpr std::size_t taps_bytes(resize_rule::mode_type mode) noexcept {
        return mode == resize_rule::mode_type::nearest    ? sizeof(kernel_detail::axis_taps<1>)
               : mode == resize_rule::mode_type::bilinear ? sizeof(kernel_detail::axis_taps<2>)
                                                          : sizeof(kernel_detail::axis_taps<4>);
    }
};

FOVEA_ARCH_NAMESPACE_END
