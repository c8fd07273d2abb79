// Gradient norms: clipping by the global norm, and where a gradient stopped being a number.
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/optimizer/parameter_range.hpp>
#include <fovea/train/optimizer/vector_pass.hpp>

#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

namespace fovea {

// The factor by which torch's clip_grad_norm_ scales gradients of this norm: max_norm / (norm + 1e-6), at
// most 1; and 1 for a norm that is not finite. Throws input_error for a max_norm that is negative or NaN.
inline float clip_factor(double norm, double max_norm) {
    if (!(max_norm >= 0))
        throw input_error("clipping: expected a norm of at least 0, found " + std::to_string(max_norm));
    if (!std::isfinite(norm))
        return 1;
    return static_cast<float>(std::min(1.0, max_norm / (norm + 1e-6)));
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

// Of [begin, end), in double: squares of floats are exact there, and eight sums keep the order of additions.
inline double sum_of_squares(const float* values, std::size_t begin, std::size_t end) noexcept {
    constexpr std::size_t sums = 8;
    double sum[sums] = {};
    std::size_t i = begin;
    for (; i + sums <= end; i += sums)
        for (std::size_t k = 0; k < sums; ++k)
            sum[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
    for (std::size_t k = 0; i + k < end; ++k)
        sum[k] += static_cast<double>(values[i + k]) * static_cast<double>(values[i + k]);
    return ((sum[0] + sum[4]) + (sum[1] + sum[5])) + ((sum[2] + sum[6]) + (sum[3] + sum[7]));
}

struct scale_rule {
    vector factor;
    void operator()(std::array<vector, 1>& values, const std::array<vector, 0>&) const noexcept {
        values[0] = values[0] * factor;
    }
};

} // namespace optimizer_detail

// The Euclidean norm of all gradients together, summed in double in one order; NaN or infinite when a
// gradient is. Gradients of frozen ranges do not count; no ranges: everything counts.
inline double gradient_norm(span<const float> gradients, executor& ex,
                            span<const parameter_range> ranges = {}) {
    const std::vector<parameter_range> all = whole_range(gradients.size());
    const auto counted = ranges.empty() ? span<const parameter_range>(all) : ranges;
    std::vector<double> sums(pass_chunks(gradients.size()));
    for_each_chunk(ex, gradients.size(), [&](std::size_t chunk, std::size_t begin, std::size_t end) {
        for_each_part(counted, begin, end,
                      [&](const parameter_range& r, std::size_t first, std::size_t last) {
                          if (!r.frozen)
                              sums[chunk] += optimizer_detail::sum_of_squares(gradients.data(), first, last);
                      });
    });
    double sum = 0;
    for (double part : sums)
        sum += part;
    return std::sqrt(sum);
}

// gradients *= factor, in place.
inline void scale_gradients(span<float> gradients, float factor, executor& ex) noexcept {
    for_each_chunk(ex, gradients.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
        pass_over<1, 0>({gradients.data()}, {}, begin, end, optimizer_detail::scale_rule{vector(factor)});
    });
}

// torch's clip_grad_norm_: scales all gradients by clip_factor() and returns their norm before. A norm that
// is not finite is returned as it is, with the gradients untouched: the caller stops and asks
// first_non_finite(). (An optimizer's gradient_scale takes clip_factor() as well, which saves a pass over
// memory.) Throws as clip_factor().
inline double clip_gradients(span<float> gradients, double max_norm, executor& ex,
                             span<const parameter_range> ranges = {}) {
    clip_factor(0, max_norm); // refuses before work is done
    const double norm = gradient_norm(gradients, ex, ranges);
    const float factor = clip_factor(norm, max_norm);
    if (factor < 1)
        scale_gradients(gradients, factor, ex);
    return norm;
}

// The first place whose value is NaN or infinite; key_at() names its parameter.
inline std::optional<std::size_t> first_non_finite(span<const float> values) noexcept {
    for (std::size_t i = 0; i < values.size(); ++i)
        if (!std::isfinite(values[i]))
            return i;
    return std::nullopt;
}

FOVEA_ARCH_NAMESPACE_END
