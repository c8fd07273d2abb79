// How a training pass is cut for the caches: segments of steps between two batch statistics, and how many
// images go through a segment at once.
//
// A batch-norm cannot go on before it has seen every image. What lies between two of them can: image after
// image runs through a whole segment, so that its maps are still in the caches when the next step reads them.
#pragma once

#include <fovea/graph/training_steps.hpp>

namespace fovea {

// Steps [first, last), in the order of the forward pass; a backward pass runs them from last - 1 to first.
struct step_segment {
    int first = 0, last = 0;
    int images = 1; // that run through it at once
};

template <std::size_t Capacity>
struct segment_list {
    std::array<step_segment, Capacity> segments{};
    std::size_t count = 0;

    constexpr void push(const step_segment& s) noexcept { segments[count++] = s; }
    constexpr span<const step_segment> view() const noexcept { return {segments.data(), count}; }
};

namespace detail {

// Images whose largest map of the segment takes about half a megabyte together, but never more than the
// batch.
constexpr int images_of_segment(span<const training_step> steps, span<const shape> shapes,
                                const step_segment& s, int batch) noexcept {
    constexpr std::size_t floats_at_once = 131072;
    std::size_t largest = 1;
    for (int i = s.first; i < s.last; ++i)
        for (node_id v :
             {steps[static_cast<std::size_t>(i)].input, steps[static_cast<std::size_t>(i)].value}) {
            const std::size_t floats = padded_floats(shapes[static_cast<std::size_t>(v)]);
            largest = largest < floats ? floats : largest;
        }
    const std::size_t images = floats_at_once / largest;
    return images < 1 ? 1 : images < static_cast<std::size_t>(batch) ? static_cast<int>(images) : batch;
}

} // namespace detail

// The forward pass: a norm begins a segment, its statistics are reduced at the end of the one before.
// `shapes` by node.
template <std::size_t Capacity>
constexpr segment_list<Capacity> forward_segments(graph_view g, span<const training_step> steps,
                                                  span<const shape> shapes, int batch) noexcept {
    segment_list<Capacity> list;
    step_segment now;
    const int count = static_cast<int>(steps.size());
    for (int s = 0; s <= count; ++s)
        if (s == count || (s > 0 && is_norm(g[steps[static_cast<std::size_t>(s)].node].kind))) {
            now.last = s;
            now.images = detail::images_of_segment(steps, shapes, now, batch);
            list.push(now);
            now.first = s;
        }
    return list;
}

// The backward pass: likewise from the last step to the first.
template <std::size_t Capacity>
constexpr segment_list<Capacity> backward_segments(graph_view g, span<const training_step> steps,
                                                   span<const shape> shapes, int batch) noexcept {
    segment_list<Capacity> list;
    const int count = static_cast<int>(steps.size());
    step_segment now{0, count, 1};
    for (int s = count; s >= 0; --s)
        if (s == 0 || (s < count && is_norm(g[steps[static_cast<std::size_t>(s) - 1].node].kind))) {
            now.first = s;
            now.images = detail::images_of_segment(steps, shapes, now, batch);
            list.push(now);
            now.last = s;
        }
    return list;
}

} // namespace fovea
