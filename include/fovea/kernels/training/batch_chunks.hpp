// How training kernels share a batch among workers: in chunks of pixels that follow from sizes alone.
#pragma once

#include <fovea/kernels/simd/channel_statistics.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// Image n of a batch; null stays null.
template <class T>
FOVEA_INLINE T* image_of(T* first, const batch_layout& batch, int n) noexcept {
    return first == nullptr ? nullptr : first + n * batch.image_stride;
}

// Workers for a pass over so many floats. Sharing takes some microseconds.
inline int workers_for_floats(std::int64_t floats, const executor& ex) noexcept {
    constexpr std::int64_t least_shared = 32768;
    return floats < least_shared ? 1 : ex.concurrency();
}

// f(image, chunk, first pixel, pixels) for every chunk of every image of the range, by the executor's
// workers.
template <class Function>
inline void for_each_chunk(const map_layout& map, image_range images, executor& ex,
                           const Function& f) noexcept {
    const detail::pixel_chunks chunks(map);
    const int workers =
        workers_for_floats(static_cast<std::int64_t>(map.pixels()) * map.stride * images.count(), ex);
    parallel_for(ex, workers, images.count() * chunks.count(), [&](int task, int) {
        const int chunk = task % chunks.count();
        f(images.first + task / chunks.count(), chunk, chunks.begin(chunk), chunks.size(chunk));
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
