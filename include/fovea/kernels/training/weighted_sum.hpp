// Training of weighted sums: BiFPN's fusion of two or three maps with the activation behind it.
#pragma once

#include <fovea/kernels/simd/sum_factors.hpp>
#include <fovea/kernels/training/norm_passes.hpp>
#include <fovea/kernels/training/pair.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The way back through sum_factors(): weight_gradient[i] += the gradient by weight[i], out of those by the
// factors. relu's derivative at 0 is 0, as torch has it.
inline void add_weight_gradient(weighting how, const float* weight, int count,
                                const std::array<double, most_summands>& factor_gradients,
                                float* weight_gradient) noexcept {
    const auto factors = sum_factors(how, weight, count);
    double sum = fast_weighting_epsilon, mean = 0;
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        sum += std::max(static_cast<double>(weight[i]), 0.0);
        mean += factors[i] * factor_gradients[i];
    }
    for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
        const double slope = how == weighting::softmax ? factors[i] : weight[i] > 0 ? 1 / sum : 0.0;
        weight_gradient[i] += static_cast<float>(slope * (factor_gradients[i] - mean));
    }
}

} // namespace kernel_detail

// output = f(f0 * input + f1 * second + f2 * third): op::weighted_sum, the factors out of the parameter. All
// maps have padded channels.
struct training_weighted_sum_kernel : plain_training_kernel {
    static constexpr const char* name = "weighted_sum";

    // The factors.
    static constexpr std::size_t packed_floats(const training_layer& l) noexcept { return summands(l); }
    // The factors' gradients from each chunk, channel by channel.
    static constexpr std::size_t scratch_floats(const training_layer& l, int images, int) noexcept {
        return static_cast<std::size_t>(images) * chunks_of(l) * summands(l) * stride_of(l);
    }

    static void prepare(const training_layer& l, const training_operands& o, executor&) noexcept {
        const auto factors = kernel_detail::sum_factors(l.factors, o.weight, static_cast<int>(summands(l)));
        for (std::size_t i = 0; i < summands(l); ++i)
            o.packed[i] = static_cast<float>(factors[i]);
    }
    static constexpr training_kernel::call prepare_forward = &prepare, prepare_backward = &prepare;
    static void forward(const training_layer& l, const training_operands& o, image_range images,
                        executor& ex) noexcept {
        with_summands(l, [&](auto count) {
            kernel_detail::with_activation(l.act, [&](auto f) {
                kernel_detail::for_each_chunk(l.in.map, images, ex,
                                              [&](int image, int, int first, int pixels) {
                                                  forward_chunk<count()>(l, o, f, image, first, pixels);
                                              });
            });
        });
    }
    static void backward(const training_layer& l, const training_operands& o, image_range images,
                         executor& ex) noexcept {
        const bool sums = o.weight_gradient != nullptr && l.factors != weighting::none;
        const std::size_t part = summands(l) * stride_of(l);
        with_summands(l, [&](auto count) {
            kernel_detail::with_activation(l.act, [&](auto f) {
                kernel_detail::for_each_chunk(
                    l.in.map, images, ex, [&](int image, int chunk, int first, int pixels) {
                        const std::size_t task =
                            static_cast<std::size_t>(image - images.first) * chunks_of(l) +
                            static_cast<std::size_t>(chunk);
                        backward_chunk<count()>(l, o, f, image, first, pixels,
                                                sums ? o.scratch + task * part : nullptr);
                    });
            });
        });
        for (int image = images.first; sums && image < images.last; ++image)
            add_image(l, o, o.scratch + static_cast<std::size_t>(image - images.first) * chunks_of(l) * part);
    }

private:
    static constexpr std::size_t summands(const training_layer& l) noexcept { return l.has_third() ? 3 : 2; }
    static constexpr std::size_t stride_of(const training_layer& l) noexcept {
        return static_cast<std::size_t>(l.in.map.stride);
    }
    static constexpr std::size_t chunks_of(const training_layer& l) noexcept {
        return static_cast<std::size_t>(detail::pixel_chunks(l.in.map).count());
    }
    template <class Function>
    static void with_summands(const training_layer& l, const Function& f) noexcept {
        if (l.has_third())
            f(std::integral_constant<int, 3>{});
        else
            f(std::integral_constant<int, 2>{});
    }

    // A chunk's numbers by map. Gradients that are not wanted are null.
    template <int Count>
    struct chunk {
        array_of<const float*, Count> maps;
        array_of<float*, Count> gradients;
        array_of<bool, Count> adds;

        chunk(const training_layer& l, const training_operands& o, int image, int first) noexcept {
            const std::ptrdiff_t offset = static_cast<std::ptrdiff_t>(first) * l.in.map.stride;
            const auto set = [&](int i, const float* map, float* gradient, const batch_layout& layout,
                                 bool add) {
                maps[i] = map == nullptr ? nullptr : kernel_detail::image_of(map, layout, image) + offset;
                gradients[i] =
                    gradient == nullptr ? nullptr : kernel_detail::image_of(gradient, layout, image) + offset;
                adds[i] = add;
            };
            set(0, o.input, o.input_gradient, l.in, o.adds_input);
            set(1, o.second, o.second_gradient, l.second, o.adds_second);
            if constexpr (Count == 3)
                set(2, o.third, o.third_gradient, l.third, o.adds_third);
        }
    };

    // u = the weighted sum of N pixels at `at`.
    template <class Vector, int Count, int N>
    static FOVEA_INLINE void sum(const chunk<Count>& k, const float* factors, std::ptrdiff_t at, int stride,
                                 array_of<Vector, N>& u) noexcept {
        kernel_detail::load_pixels<Vector, N>(k.maps[0] + at, stride, u);
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i) {
            u[i] = u[i] * Vector(factors[0]);
            FOVEA_UNROLL
            for (int m = 1; m < Count; ++m)
                u[i] = multiply_add(Vector::load_unaligned(k.maps[m] + at + i * stride), Vector(factors[m]),
                                    u[i]);
        }
    }
    template <int Count, class Activation>
    static void forward_chunk(const training_layer& l, const training_operands& o, const Activation& f,
                              int image, int first, int pixels) noexcept {
        const chunk<Count> k(l, o, image, first);
        const int stride = l.in.map.stride;
        float* const output =
            kernel_detail::image_of(o.output, l.out, image) + static_cast<std::ptrdiff_t>(first) * stride;
        kernel_detail::for_each_pixel_block<4>(
            pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                constexpr int block = n;
                array_of<v, block> u;
                sum<v, Count, block>(k, o.packed, at, stride, u);
                f.template apply<v, block>(u);
                kernel_detail::store_pixels<v, block>(u, output + at, stride, false);
            });
    }
    // `sums`: [Count][stride], or null.
    template <int Count, class Activation>
    static void backward_chunk(const training_layer& l, const training_operands& o, const Activation& f,
                               int image, int first, int pixels, float* sums) noexcept {
        const chunk<Count> k(l, o, image, first);
        const int stride = l.in.map.stride;
        const float* const output_gradient = kernel_detail::image_of(o.output_gradient, l.out, image) +
                                             static_cast<std::ptrdiff_t>(first) * stride;
        if (sums != nullptr)
            std::fill_n(sums, Count * stride, 0.0F);
        kernel_detail::for_each_pixel_block<4>(
            pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                constexpr int block = n;
                array_of<v, block> g;
                kernel_detail::load_pixels<v, block>(output_gradient + at, stride, g);
                if (l.act != activation::identity) {
                    array_of<v, block> u;
                    sum<v, Count, block>(k, o.packed, at, stride, u);
                    f.template differentiate<v, block>(u, g);
                }
                for (int m = 0; m < Count; ++m) {
                    array_of<v, block> x;
                    if (sums != nullptr) {
                        kernel_detail::load_pixels<v, block>(k.maps[m] + at, stride, x);
                        FOVEA_UNROLL
                        for (int i = 0; i < block; ++i)
                            x[i] = x[i] * g[i];
                        float* const to = sums + m * stride + c;
                        (v::load_unaligned(to) + kernel_detail::sum_of<v, block>(x)).store_unaligned(to);
                    }
                    if (k.gradients[m] == nullptr)
                        continue;
                    FOVEA_UNROLL
                    for (int i = 0; i < block; ++i)
                        x[i] = g[i] * v(o.packed[m]);
                    kernel_detail::store_pixels<v, block>(x, k.gradients[m] + at, stride, k.adds[m]);
                }
            });
    }
    // Adds one image's gradient of the weights; channels of padding do not count.
    static void add_image(const training_layer& l, const training_operands& o, const float* sums) noexcept {
        std::array<double, kernel_detail::most_summands> factor_gradients{};
        for (std::size_t chunk = 0; chunk < chunks_of(l); ++chunk)
            for (std::size_t m = 0; m < summands(l); ++m, sums += stride_of(l))
                for (int c = 0; c < l.in.map.channels; ++c)
                    factor_gradients[m] += static_cast<double>(sums[c]);
        kernel_detail::add_weight_gradient(l.factors, o.weight, static_cast<int>(summands(l)),
                                           factor_gradients, o.weight_gradient);
    }
};

FOVEA_ARCH_NAMESPACE_END
