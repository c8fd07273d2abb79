// Group normalisation at inference: by the mean and variance of the image's own groups of channels.
#pragma once

#include <fovea/kernels/simd/channel_statistics.hpp>

#include <cmath>

FOVEA_ARCH_NAMESPACE_BEGIN

// torch.nn.GroupNorm. Statistics first, chunk by chunk of pixels, then one multiply-add a number.
struct group_norm_kernel {
    static constexpr const char* name = "group_norm";

    // Weights and biases of the padded channels.
    static constexpr std::size_t packed_floats(const layer& l) noexcept {
        return 2 * static_cast<std::size_t>(padded_channels(l.in.channels));
    }
    static void pack(const layer& l, const folded_weights& w, float* packed) {
        const std::ptrdiff_t padded = padded_channels(l.in.channels);
        std::fill_n(packed, 2 * padded, 0.0F);
        std::copy(w.weight.begin(), w.weight.end(), packed);
        std::copy(w.bias.begin(), w.bias.end(), packed + padded);
    }
    // A chunk's moments, for each chunk, behind scale and shift. The first worker's serves all.
    static constexpr std::size_t scratch_floats(const layer& l, bool) noexcept {
        return 2 * static_cast<std::size_t>(l.in.stride) *
               (1 + static_cast<std::size_t>(detail::pixel_chunks(l.in).count()));
    }
    static void run(const layer& l, const operands& o, executor& ex) noexcept {
        const detail::pixel_chunks chunks(l.in);
        const std::ptrdiff_t stride = l.in.stride;
        float* const scale = o.scratch;
        float* const moments = o.scratch + 2 * stride;
        const int workers = chunks.count() < 4 ? 1 : ex.concurrency();
        parallel_for(ex, workers, chunks.count(), [&](int chunk, int) {
            float* const mean = moments + 2 * stride * chunk;
            kernel_detail::channel_moments(o.input + chunks.begin(chunk) * stride, chunks.size(chunk),
                                           l.in.stride, mean, mean + stride);
        });
        find_scales(l, o.weights, moments, scale);
        parallel_for(ex, workers, chunks.count(), [&](int chunk, int) {
            const std::ptrdiff_t first = chunks.begin(chunk) * stride;
            normalize(o.input + first, chunks.size(chunk), l.in.stride, scale, o.output + first);
        });
    }

private:
    static void find_scales(const layer& l, const float* weights, const float* moments,
                            float* scale) noexcept {
        const detail::pixel_chunks chunks(l.in);
        const std::ptrdiff_t stride = l.in.stride;
        const int members = l.in.channels / l.groups;
        std::fill_n(scale, 2 * stride, 0.0F); // of padding channels
        for (int first = 0; first < l.in.channels; first += members) {
            detail::moments all;
            for (int chunk = 0; chunk < chunks.count(); ++chunk)
                for (int c = first; c < first + members; ++c) {
                    const float* const mean = moments + 2 * stride * chunk + c;
                    all.add(chunks.size(chunk), static_cast<double>(mean[0]),
                            static_cast<double>(mean[stride]));
                }
            const double inverse_std = 1 / std::sqrt(all.variance() + static_cast<double>(l.epsilon));
            for (int c = first; c < first + members; ++c) {
                const double factor = static_cast<double>(weights[c]) * inverse_std;
                scale[c] = static_cast<float>(factor);
                scale[stride + c] =
                    static_cast<float>(static_cast<double>(weights[stride + c]) - all.mean * factor);
            }
        }
    }
    static void normalize(const float* input, int pixels, int stride, const float* scale,
                          float* output) noexcept {
        kernel_detail::for_each_pixel_block<4>(
            pixels, stride, [&](auto tag, auto n, std::ptrdiff_t at, int c) FOVEA_INLINE_LAMBDA {
                using v = decltype(tag);
                const v factor = v::load_unaligned(scale + c), shift = v::load_unaligned(scale + stride + c);
                constexpr int count = n;
                FOVEA_UNROLL
                for (int i = 0; i < count; ++i)
                    multiply_add(v::load_unaligned(input + at + i * stride), factor, shift)
                        .store_unaligned(output + at + i * stride);
            });
    }
};

FOVEA_ARCH_NAMESPACE_END
