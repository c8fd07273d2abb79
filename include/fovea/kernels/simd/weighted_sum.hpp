// The sum of two or three maps, each times a factor of its own: BiFPN's fusion, with the activation behind it.
#pragma once

#include <fovea/kernels/simd/activation.hpp>
#include <fovea/kernels/simd/map_rows.hpp>
#include <fovea/kernels/simd/sum_factors.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// output = act(f0 * input + f1 * residual + f2 * third). Maps of one shape, padded strides.
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
        const int length = l.out.width * padded_channels(l.out.channels);
        for_each_output_row(l, ex, [&](int y, int) {
            const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(y) * length;
            if (o.third == nullptr)
                run_row<2>(l, o, offset, length);
            else
                run_row<3>(l, o, offset, length);
        });
    }

private:
    template <int Summands>
    static void run_row(const layer& l, const operands& o, std::ptrdiff_t offset, int length) noexcept {
        const float *first = o.input + offset, *second = o.residual + offset;
        const float* third = Summands == 3 ? o.third + offset : nullptr;
        float* const output = o.output + offset;
        kernel_detail::with_inline_activation(l.act, [&](auto activate) {
            for_each_vector(0, length, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                v sum = v::load_unaligned(first + c) * v(o.weights[0]);
                sum = multiply_add(v::load_unaligned(second + c), v(o.weights[1]), sum);
                if constexpr (Summands == 3)
                    sum = multiply_add(v::load_unaligned(third + c), v(o.weights[2]), sum);
                activate(sum).store_unaligned(output + c);
            });
        });
        finish_activation(l.act, output, 0, 1, length);
    }
};

FOVEA_ARCH_NAMESPACE_END
