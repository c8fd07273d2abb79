// The memory plan of training: a place in one arena for every value and every gradient, from the segment that
// writes it first to the one that reads it last, forward and backward.
#pragma once

#include <fovea/graph/plan.hpp>
#include <fovea/graph/training_lifetimes.hpp>

namespace fovea {

template <std::size_t Capacity>
struct training_plan : training_order<Capacity> {
    std::array<memory_place, Capacity> values{}; // by node id: where the forward pass writes a value
    std::array<memory_place, Capacity>
        recomputed{}; // where the backward pass reads it, when that is elsewhere
    std::array<memory_place, Capacity> gradients{}; // by node id; place::output: the caller's gradient itself
    std::size_t floats = 0;                         // of the arena
};

namespace detail {

template <std::size_t Capacity>
class training_planner {
public:
    constexpr training_planner(graph_view g, span<const training_step> steps, span<const shape> shapes,
                               const training_plan_options& options) noexcept
        : g_(g), steps_(steps), shapes_(shapes), options_(options) {}

    constexpr training_plan<Capacity> run() noexcept {
        differentiate(g_, steps_, shapes_, options_, plan_, lives_);
        place_ends();
        reserve_forward();
        reserve_backward();
        for (node_id v = 0; v < g_.size(); ++v)
            if (lives_.roots[at(v)] != v)
                plan_.gradients[at(v)] = plan_.gradients[at(lives_.roots[at(v)])];
        plan_.floats = arena_.high_water();
        return plan_;
    }

private:
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

    // The network's input and outputs: outside of the arena where a kernel can read or write them there.
    constexpr void place_ends() noexcept {
        for (node_id i = 0; i < g_.size(); ++i)
            if (g_[i].kind == op::input)
                plan_.values[at(i)] = {is_read_densely(g_, steps_, i) ? place::input : place::arena, -1, 0};
        for (const output_part& p : g_.parts)
            if (const int part = lives_.parts[at(p.value)]; part >= 0)
                plan_.values[at(p.value)] = plan_.gradients[at(p.value)] = {place::output, part, 0};
    }

    // Segment by segment, reserves what begins there. Only values that a segment's steps name can.
    constexpr void reserve_forward() noexcept {
        for (node_id i = 0; i < g_.size(); ++i)
            if (g_[i].kind == op::input)
                reserve(lives_.values[at(i)], i, plan_.values[at(i)]);
        for (const step_segment& segment : plan_.forward_segments.view()) {
            arena_.release_before(segment_);
            for (int s = segment.first; s < segment.last; ++s) {
                const node_id v = steps_[at(s)].value;
                reserve(lives_.values[at(v)], v, plan_.values[at(v)]);
            }
            ++segment_;
        }
    }
    constexpr void reserve_backward() noexcept {
        arena_.release_before(segment_);
        for (const output_part& p : g_.parts)
            reserve_gradient(p.value);
        for (const step_segment& segment : plan_.backward_segments.view()) {
            arena_.release_before(segment_);
            for (int s = segment.last; s-- > segment.first;)
                for (node_id v : {steps_[at(s)].input, steps_[at(s)].second, steps_[at(s)].third})
                    if (v >= 0) {
                        reserve(lives_.recomputed[at(v)], v, plan_.recomputed[at(v)]);
                        reserve_gradient(v);
                    }
            ++segment_;
        }
    }
    constexpr void reserve_gradient(node_id v) noexcept {
        const node_id root = lives_.roots[at(v)];
        reserve(lives_.gradients[at(root)], root, plan_.gradients[at(root)]);
    }
    constexpr void reserve(const segment_lifetime& when, node_id v, memory_place& where) noexcept {
        if (where.where != place::none && where.where != place::arena)
            return; // not in the arena
        if (where.part == reserved || when.is_empty() || when.begin != segment_)
            return;
        const std::size_t floats = static_cast<std::size_t>(options_.batch) * padded_floats(shapes_[at(v)]);
        where = {place::arena, reserved, arena_.reserve(whole_cache_lines(floats), when.end)};
    }

    static constexpr int reserved = -2; // memory_place::part of what has its memory

    graph_view g_;
    span<const training_step> steps_;
    span<const shape> shapes_;
    training_plan_options options_;
    training_plan<Capacity> plan_{};
    training_lifetimes<Capacity> lives_{};
    arena_planner<3 * Capacity> arena_;
    int segment_ = 0;
};

} // namespace detail

// The plan for the given shapes (one a node). Capacity >= nodes.
template <std::size_t Capacity>
constexpr training_plan<Capacity> plan_training(graph_view g, span<const training_step> steps,
                                                span<const shape> shapes,
                                                const training_plan_options& options) noexcept {
    return detail::training_planner<Capacity>(g, steps, shapes, options).run();
}

} // namespace fovea
