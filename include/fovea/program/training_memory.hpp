// Memory of a training network: the plan's values and gradients, then what kernels keep between passes, then
// scratch memory.
#pragma once

#include <fovea/program/training_layers.hpp>

#include <array>
#include <tuple>

namespace fovea {

// Where in the block of memory, in floats.
struct training_memory {
    std::size_t scratch = 0; // of every call
    std::size_t all = 0;     // the size of the whole block
};

// Lays out the memory behind the plan's arena. Calls place(step, packed, saved) for each step's own memory.
// `layer_of(step)`: its training_layer. `Plan`: a training_plan.
template <class Plan, class LayerOf, class Place>
constexpr training_memory lay_out_training(const Plan& plan, span<const training_kernel> kernels, int batch,
                                           int workers, const LayerOf& layer_of,
                                           const Place& place) noexcept {
    std::array<int, std::tuple_size_v<decltype(plan.backward)>>
        images{}; // the most that a call of a step sees
    const auto include = [&](int s, int count) {
        int& most = images[static_cast<std::size_t>(s)];
        most = most < count ? count : most;
    };
    for (const auto& list : {plan.forward_segments.view(), plan.backward_segments.view()})
        for (const step_segment& segment : list)
            for (int s = segment.first; s <= segment.last; ++s) // the next norm's statistics, too
                if (s < static_cast<int>(kernels.size()))
                    include(s, segment.images);
    for (int s :
         {0, static_cast<int>(kernels.size()) - 1}) // a norm at either end sees the whole batch at once
        include(s, batch);

    training_memory m;
    std::size_t end = plan.floats, scratch = 0;
    for (std::size_t s = 0; s < kernels.size(); ++s) {
        const training_layer l = layer_of(static_cast<int>(s));
        const std::size_t packed = whole_cache_lines(kernels[s].packed_floats(l));
        place(s, end, end + packed);
        end += packed + whole_cache_lines(kernels[s].saved_floats(l));
        const std::size_t floats = whole_cache_lines(kernels[s].scratch_floats(l, images[s], workers));
        scratch = scratch < floats ? floats : scratch;
    }
    m.scratch = end;
    m.all = end + scratch;
    return m;
}

} // namespace fovea
