// Weight gradients that several tasks share: each sums its own part of a batch, and the parts are added in
// order.
#pragma once

#include <fovea/kernels/layer.hpp>
#include <fovea/kernels/simd/vector.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// How the rows of a map are cut into bands, each of them one task for each image: by the map's size only, so
// that sums do not depend on the workers.
struct row_bands {
    int height, count;

    // At least `least_rows` rows a band.
    constexpr row_bands(int rows, int least_rows) noexcept
        : height(rows), count(rows < 2 * least_rows      ? 1
                              : rows / least_rows < most ? rows / least_rows
                                                         : most) {}
    constexpr int first_of(int band) const noexcept {
        return static_cast<int>(static_cast<std::ptrdiff_t>(height) * band / count);
    }
    // The same share of another map's rows.
    constexpr int first_of(int band, int rows) const noexcept {
        return static_cast<int>(static_cast<std::ptrdiff_t>(rows) * band / count);
    }

private:
    static constexpr int most = 8;
};

// gradient[c][tap] += the sum of `count` parts [vector of channels][tap][channel], `slots` vectors for each
// vector of channels of which the taps begin with the vector `first_slot`.
inline void add_partial_sums(const float* parts, int count, std::ptrdiff_t part_floats, int slots,
                             int first_slot, int taps, int channels, float* gradient) noexcept {
    for_each_vector(0, padded_channels(channels), [&](auto tag, int first) {
        using v = decltype(tag);
        constexpr int size = static_cast<int>(v::size);
        const int valid = channels - first < size ? channels - first : size;
        float* const out = gradient + static_cast<std::ptrdiff_t>(first) * taps;
        for (int tap = 0; tap < taps; ++tap) {
            array_of<float, size> lanes{};
            for (int c = 0; c < valid; ++c)
                lanes[c] = out[c * taps + tap];
            v sum = v::load_unaligned(lanes);
            const float* part =
                parts + static_cast<std::ptrdiff_t>(first) * slots + (first_slot + tap) * size;
            for (int i = 0; i < count; ++i, part += part_floats)
                sum += v::load_unaligned(part);
            sum.store_unaligned(lanes);
            for (int c = 0; c < valid; ++c)
                out[c * taps + tap] = lanes[c];
        }
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
