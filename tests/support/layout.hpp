// Between the goldens' NCHW batches and the NHWC images of fovea's kernels.
#pragma once

#include "support/compare.hpp"

#include <fovea/graph/node.hpp>

namespace fovea::test {

// A zero batch [count, channels, height, width].
inline array make_batch(std::size_t count, shape s) {
    const shape_type extents{count, static_cast<std::size_t>(s.channels), static_cast<std::size_t>(s.height),
                             static_cast<std::size_t>(s.width)};
    return {extents, std::vector<double>(element_count(extents))};
}

inline shape image_shape(const shape_type& batch) {
    return {static_cast<int>(batch.at(2)), static_cast<int>(batch.at(3)), static_cast<int>(batch.at(1))};
}

// Calls visit(position in the batch, position in the HWC image) for every number of image `n` of an NCHW
// batch.
template <class Visit>
void for_each_number(const shape_type& batch, std::size_t n, Visit visit) {
    const std::size_t channels = batch.at(1), positions = batch.at(2) * batch.at(3);
    for (std::size_t c = 0; c < channels; ++c)
        for (std::size_t p = 0; p < positions; ++p)
            visit((n * channels + c) * positions + p, p * channels + c);
}

// Image `n` of an NCHW batch as HWC numbers.
template <class T>
std::vector<T> image_of(const array& batch, std::size_t n) {
    std::vector<T> image(batch.values.size() / batch.shape.at(0));
    for_each_number(batch.shape, n, [&](std::size_t from, std::size_t to) {
        image[to] = static_cast<T>(batch.values[from]);
    });
    return image;
}

// Stores an HWC image as image `n` of an NCHW batch.
template <class T>
void put_image(array& batch, std::size_t n, const std::vector<T>& image) {
    for_each_number(batch.shape, n, [&](std::size_t to, std::size_t from) {
        batch.values[to] = static_cast<double>(image[from]);
    });
}

} // namespace fovea::test
