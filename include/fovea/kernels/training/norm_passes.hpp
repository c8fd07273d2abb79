// The passes of a norm over a chunk of pixels: normalisation, sums for the gradients, and the gradients.
#pragma once

#include <fovea/kernels/training/activation.hpp>
#include <fovea/kernels/training/batch_chunks.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// What a norm does to each channel, [stride] numbers each: it makes scale * x + shift of x; with a gradient g
// in front of the activation the input's is scale * g + slope * x + offset.
struct norm_channels {
    float *scale, *shift, *mean, *inverse_std, *slope, *offset;

    static constexpr int arrays = 6;
    norm_channels(float* memory, int stride) noexcept
        : scale(memory), shift(scale + stride), mean(shift + stride), inverse_std(mean + stride),
          slope(inverse_std + stride), offset(slope + stride) {}
};

// A chunk's numbers. Null: `second` where nothing is added, gradients that are not wanted.
struct norm_chunk {
    int pixels, stride;
    const float *input, *second;
    float* output;
    const float* output_gradient;
    float *input_gradient, *second_gradient;
    bool adds_input, adds_second;
};

// u = scale * x + shift + second: what the activation is of, for N pixels at `at`. x are the inputs.
template <class Vector, int N>
FOVEA_INLINE void in_front_of_activation(const norm_chunk& k, const norm_channels& n, std::ptrdiff_t at,
                                         int c, const array_of<Vector, N>& x,
                                         array_of<Vector, N>& u) noexcept {
    const Vector scale = Vector::load_unaligned(n.scale + c), shift = Vector::load_unaligned(n.shift + c);
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        u[i] = multiply_add(x[i], scale, shift);
    if (k.second != nullptr) {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            u[i] = u[i] + Vector::load_unaligned(k.second + at + i * k.stride);
    }
}

template <class Vector, int N>
FOVEA_INLINE void load_pixels(const float* from, std::ptrdiff_t stride, array_of<Vector, N>& x) noexcept {
    FOVEA_UNROLL
    for (int i = 0; i < N; ++i)
        x[i] = Vector::load_unaligned(from + i * stride);
}

// Writes N pixels, or adds them to what is there.
template <class Vector, int N>
FOVEA_INLINE void store_pixels(const array_of<Vector, N>& x, float* to, std::ptrdiff_t stride,
                               bool adds) noexcept {
    if (adds) {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            (Vector::load_unaligned(to + i * stride) + x[i]).store_unaligned(to + i * stride);
    } else {
        FOVEA_UNROLL
        for (int i = 0; i < N; ++i)
            x[i].store_unaligned(to + i * stride);
    }
}

// output[c] = factor * (sum over chunks of sums[chunk][c]), or added to what is there; rows of `stride`
// floats.
inline void sum_chunks(const float* sums, int chunks, int stride, float factor, float* output,
                       bool adds) noexcept {
    for_each_vector(0, stride, [&](auto tag, int c) FOVEA_INLINE_LAMBDA {
        using v = decltype(tag);
        array_of<v, 1> sum{v::load_unaligned(sums + c)};
        for (std::ptrdiff_t chunk = 1; chunk < chunks; ++chunk)
            sum[0] = sum[0] + v::load_unaligned(sums + chunk * stride + c);
        sum[0] = sum[0] * v(factor);
        store_pixels<v, 1>(sum, output + c, 0, adds);
    });
}

// output = f(scale * input + shift + second).
template <class Activation>
void normalize(const norm_chunk& k, const norm_channels& n, const Activation& f) noexcept {
    for_each_pixel_block<4>(k.pixels, k.stride,
                            [&](auto tag, auto pixels, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                                using v = decltype(tag);
                                constexpr int count = pixels;
                                array_of<v, count> x, u;
                                load_pixels<v, count>(k.input + at, k.stride, x);
                                in_front_of_activation<v, count>(k, n, at, c, x, u);
                                f.template apply<v, count>(u);
                                store_pixels<v, count>(u, k.output + at, k.stride, false);
                            });
}

// N pixels of the input, and of the gradient in front of the activation.
template <class Vector, int N, class Activation>
FOVEA_INLINE void load_gradient(const norm_chunk& k, const norm_channels& n, const Activation& f,
                                std::ptrdiff_t at, int c, array_of<Vector, N>& x,
                                array_of<Vector, N>& g) noexcept {
    array_of<Vector, N> u;
    load_pixels<Vector, N>(k.input + at, k.stride, x);
    load_pixels<Vector, N>(k.output_gradient + at, k.stride, g);
    in_front_of_activation<Vector, N>(k, n, at, c, x, u);
    f.template differentiate<Vector, N>(u, g);
}

// The sums over the chunk of g and of g * (x - mean), g being the gradient in front of the activation. sums,
// products: [stride].
template <class Activation>
void sum_gradients(const norm_chunk& k, const norm_channels& n, const Activation& f, float* sums,
                   float* products) noexcept {
    std::fill_n(sums, k.stride, 0.0F);
    std::fill_n(products, k.stride, 0.0F);
    for_each_pixel_block<4>(
        k.pixels, k.stride, [&](auto tag, auto pixels, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            constexpr int count = pixels;
            array_of<v, count> x, g;
            load_gradient<v, count>(k, n, f, at, c, x, g);
            const v mean = v::load_unaligned(n.mean + c);
            FOVEA_UNROLL
            for (int i = 0; i < count; ++i)
                x[i] = g[i] * (x[i] - mean);
            (v::load_unaligned(sums + c) + sum_of<v, count>(g)).store_unaligned(sums + c);
            (v::load_unaligned(products + c) + sum_of<v, count>(x)).store_unaligned(products + c);
        });
}

// The input's gradient, scale * g + slope * x + offset, and g itself for `second`. Either may lie over the
// output's gradient.
template <class Activation>
void backpropagate(const norm_chunk& k, const norm_channels& n, const Activation& f) noexcept {
    for_each_pixel_block<4>(
        k.pixels, k.stride, [&](auto tag, auto pixels, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
            using v = decltype(tag);
            constexpr int count = pixels;
            array_of<v, count> x, g;
            load_gradient<v, count>(k, n, f, at, c, x, g);
            if (k.input_gradient != nullptr) {
                const v scale = v::load_unaligned(n.scale + c), slope = v::load_unaligned(n.slope + c),
                        offset = v::load_unaligned(n.offset + c);
                FOVEA_UNROLL
                for (int i = 0; i < count; ++i)
                    x[i] = multiply_add(scale, g[i], multiply_add(slope, x[i], offset));
                store_pixels<v, count>(x, k.input_gradient + at, k.stride, k.adds_input);
            }
            if (k.second_gradient != nullptr)
                store_pixels<v, count>(g, k.second_gradient + at, k.stride, k.adds_second);
        });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
