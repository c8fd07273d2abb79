// Gradient accumulation: several small batches as one large one.
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/optimizer/vector_pass.hpp>

#include <string>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

struct add_rule {
    vector factor;
    void operator()(std::array<vector, 1>& sum, const std::array<vector, 1>& added) const noexcept {
        sum[0] = multiply_add(added[0], factor, sum[0]);
    }
};

} // namespace optimizer_detail

// sum += factor * gradients. Batches of different sizes: a factor of images / images of all. Equal ones may
// as well be added as they are, with 1 / batches as the optimizer's gradient_scale. Throws input_error for
// unequal sizes.
inline void accumulate_gradients(span<float> sum, span<const float> gradients, float factor, executor& ex) {
    if (sum.size() != gradients.size())
        throw input_error("accumulating gradients: expected " + std::to_string(sum.size()) + ", found " +
                          std::to_string(gradients.size()));
    for_each_chunk(ex, sum.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
        pass_over<1, 1>({sum.data()}, {gradients.data()}, begin, end,
                        optimizer_detail::add_rule{vector(factor)});
    });
}

FOVEA_ARCH_NAMESPACE_END
