// The loop of every optimizer: its rule over the ranges' weights, gradients and state, in one pass over
// memory.
#pragma once

#include <fovea/train/optimizer/parameter_range.hpp>
#include <fovea/train/optimizer/vector_pass.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// rule_of(range)({weights, states...}, {gradients}) on vectors of every range that is not frozen. All arrays
// are as long as the ranges together.
template <std::size_t States, class RuleOf>
void update_ranges(executor& ex, span<const parameter_range> ranges, span<float> weights,
                   span<const float> gradients, const std::array<float*, States>& states,
                   const RuleOf& rule_of) noexcept {
    std::array<float*, States + 1> updated{weights.data()};
    std::copy(states.begin(), states.end(), updated.begin() + 1);
    for_each_chunk(ex, weights.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
        for_each_part(
            ranges, begin, end, [&](const parameter_range& range, std::size_t first, std::size_t last) {
                if (!range.frozen)
                    pass_over<States + 1, 1>(updated, {gradients.data()}, first, last, rule_of(range));
            });
    });
}

FOVEA_ARCH_NAMESPACE_END
