// The sum of two or three maps, each times a factor of its own: BiFPN's fusion, with the activation behind it.
#pragma once

#include <fovea/kernels/simd/activation.hpp>
#include <fovea/kernels/simd/resize.hpp>
#include <fovea/kernels/simd/sum_factors.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = act(f0 * input + f1 * residual + f2 * third). Maps of one shape, padded strides; the second may be
// read through a resize to nearest neighbours, so that the large map is never written.
struct weighted_sum_kernel {
    static constexpr const char* name = "weighted_sum";

    // The factors.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return static_cast<std::size_t>(l.summands);
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const auto factors = kernel_detail::sum_factors(l.factors, w.weight.data(), l.summands);
        for (std::size_t i = 0; i < packed_floats(l); ++i)
            packed[i] = static_cast<float>(factors[i]);
    }
    static constexpr std::size_t scratch_floats(const layer&, bool) noexcept { return 0; }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        if (o.third == nullptr)
            run_rows<2>(l, o, ex);
        else
            run_rows<3>(l, o, ex);
    }

private:
    template <int Summands>
    static void run_rows(const layer& l, const operands& o, executor& ex) noexcept {
        const int padded = padded_channels(l.out.channels), length = l.out.width * padded;
        const kernel_detail::resized_axis<1> rows(l.resized.height, l.out.height, l.resize, l.resize.height_factor),
            columns(l.resized.width, l.out.width, l.resize, l.resize.width_factor);
        for_each_output_row(l, ex, [&](int y, int) {
            const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(y) * length;
            kernel_detail::with_inline_activation(l.act, [&](auto activate) {
                if (l.resized.channels == 0)
                    return add_up<Summands>(o, offset, o.residual + offset, length, activate);
                const float* const row = o.residual + static_cast<std::ptrdiff_t>(rows.at(y).index[0]) *
                                                          l.resized.width * padded;
                for (int x = 0; x < l.out.width; ++x)
                    add_up<Summands>(o, offset + x * padded,
                                     row + static_cast<std::ptrdiff_t>(columns.at(x).index[0]) * padded, padded,
                                     activate);
            });
            finish_activation(l.act, o.output + offset, 0, 1, length);
        });
    }
    // `count` numbers at `offset`, a multiple of 8.
    template <int Summands, class Activate>
    static FOVEA_INLINE void add_up(const operands& o, std::ptrdiff_t offset, const float* second, int count,
                                    const Activate& activate) noexcept {
        const float* const first = o.input + offset;
        const float* const third = Summands == 3 ? o.third + offset : nullptr;
        float* const output = o.output + offset;
        const float f0 = o.weights[0], f1 = o.weights[1], f2 = Summands == 3 ? o.weights[2] : 0.0F;
        for_each_vector(0, count, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            v sum = v::load_unaligned(first + c) * v(f0);
            sum = multiply_add(v::load_unaligned(second + c), v(f1), sum);
            if constexpr (Summands == 3)
                sum = multiply_add(v::load_unaligned(third + c), v(f2), sum);
            activate(sum).store_unaligned(output + c);
        });
    }
};

FOVEA_ARCH_NAMESPACE_END
