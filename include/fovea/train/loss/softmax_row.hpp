// Vector forms of the softmax cross-entropy of one row of logits and of its gradient.
#pragma once

#include <fovea/detect/softmax.hpp>
#include <fovea/kernels/simd/exponential.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

FOVEA_ARCH_NAMESPACE_BEGIN

// One row of logits with what its softmax needs. A NaN or +infinity among the logits makes the sum NaN.
struct softmax_row {
    const float* logits;
    std::size_t classes;
    float largest; // logit
    float sum;     // of exp(logit - largest)

    // -log softmax[target], exact where the target's probability is near 1.
    float cross_entropy(std::size_t target) const noexcept {
        return std::log(sum) - (logits[target] - largest);
    }
};

namespace softmax_detail {

// f(vector of logits, first class, first lane that counts) over a row. The last vector of a row that is no
// multiple of the vector's size overlaps the one before; a row shorter than a vector is padded with
// -infinity.
template <class Function>
FOVEA_INLINE void for_each_logit_vector(const float* logits, std::size_t classes, Function&& f) noexcept {
    if (classes < vector::size) {
        float padded[vector::size];
        std::fill(std::copy(logits, logits + classes, padded), padded + vector::size,
                  -std::numeric_limits<float>::infinity());
        return f(vector::load_unaligned(padded), std::size_t{0}, std::size_t{0});
    }
    std::size_t c = 0;
    for (; c + vector::size <= classes; c += vector::size)
        f(vector::load_unaligned(logits + c), c, std::size_t{0});
    if (c < classes)
        f(vector::load_unaligned(logits + classes - vector::size), classes - vector::size,
          vector::size - (classes - c));
}

} // namespace softmax_detail

inline softmax_row measure_softmax(const float* logits, std::size_t classes) noexcept {
    const float largest = largest_of(logits, classes);
    vector sum(0.0F);
    softmax_detail::for_each_logit_vector(
        logits, classes, [&](vector x, std::size_t, std::size_t first) FOVEA_INLINE_LAMBDA {
            const vector e = exponential(x - vector(largest));
            sum += first == 0 ? e : xsimd::select(first_lanes(first), vector(0.0F), e);
        });
    return {logits, classes, largest, fold_lanes(sum, std::plus<>())};
}

// gradient[c] = scale * (softmax[c] - (c == target)): the gradient of scale * cross_entropy(target).
inline void write_softmax_gradient(const softmax_row& row, std::size_t target, float scale,
                                   float* gradient) noexcept {
    const vector largest(row.largest), factor(scale / row.sum);
    softmax_detail::for_each_logit_vector(row.logits, row.classes,
                                          [&](vector x, std::size_t c, std::size_t) FOVEA_INLINE_LAMBDA {
                                              const vector g = exponential(x - largest) * factor;
                                              if (row.classes >= vector::size)
                                                  return g.store_unaligned(gradient + c);
                                              float padded[vector::size];
                                              g.store_unaligned(padded);
                                              std::copy(padded, padded + row.classes, gradient);
                                          });
    gradient[target] -= scale;
}

FOVEA_ARCH_NAMESPACE_END
