// The memory plan of training: a place in one arena for every value and every gradient, from the segment that
// writes it first to the one that reads it last, forward and backward.
#pragma once

#include <fovea/graph/plan.hpp>
#include <fovea/graph/training_segments.hpp>

namespace fovea {

struct training_plan_options {
    int batch = 1;
    // Activations behind norms are computed again in the backward pass instead of being kept: about half of the
    // memory for some percent of the time.
    bool recomputes = false;
    // The backward pass goes on to the gradient of the network's input.
    bool input_gradient = false;
};

// What the backward pass of a step does beside its own gradients.
struct backward_step {
    bool runs = false; // a gradient reaches the step's value
    // By value that the step reads (input, second, third): the gradient is added to what is there; before it, the
    // step that computes the value runs once more.
    bool adds_input = false, adds_second = false, adds_third = false;
    bool recomputes_input = false, recomputes_second = false, recomputes_third = false;
};

template <std::size_t Capacity>
struct training_plan {
    std::array<memory_place, Capacity> values{};    // by node id: where the forward pass writes a value
    std::array<memory_place, Capacity> recomputed{}; // where the backward pass reads it, when that is elsewhere
    std::array<memory_place, Capacity> gradients{}; // by node id; place::output: the caller's gradient itself
    std::array<backward_step, Capacity> backward{}; // by step
    std::array<int, Capacity> producers{};          // by node id: the step that computes the value, or -1
    segment_list<Capacity> forward_segments{}, backward_segments{};
    std::size_t floats = 0; // of the arena
};

namespace detail {

template <std::size_t Capacity>
class training_planner {
public:
    constexpr training_planner(graph_view g, span<const training_step> steps, span<const shape> shapes,
                               const training_plan_options& options) noexcept
        : g_(g), steps_(steps), shapes_(shapes), options_(options) {}

    constexpr training_plan<Capacity> run() noexcept {
        plan_.forward_segments = forward_segments<Capacity>(g_, steps_, shapes_, options_.batch);
        plan_.backward_segments = backward_segments<Capacity>(g_, steps_, shapes_, options_.batch);
        for (auto& producer : plan_.producers)
            producer = -1;
        number_segments();
        place_ends();
        find_forward_reads();
        differentiate();
        reserve();
        return plan_;
    }

private:
    // Segments from `begin` to `end` in which memory is needed, both included; end < begin: never.
    struct interval {
        int begin = 1, end = 0;

        constexpr bool is_empty() const noexcept { return end < begin; }
        constexpr void include(int segment) noexcept {
            if (is_empty())
                begin = end = segment;
            begin = segment < begin ? segment : begin;
            end = segment > end ? segment : end;
        }
    };

    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    constexpr const training_step& step_at(int s) const noexcept { return steps_[at(s)]; }
    constexpr int step_count() const noexcept { return static_cast<int>(steps_.size()); }
    constexpr int forward_count() const noexcept { return static_cast<int>(plan_.forward_segments.count); }
    constexpr int all_segments() const noexcept {
        return forward_count() + static_cast<int>(plan_.backward_segments.count);
    }

    // Segments are numbered through: the forward ones, then the backward ones.
    constexpr void number_segments() noexcept {
        int number = 0;
        for (const step_segment& segment : plan_.forward_segments.view()) {
            for (int s = segment.first; s < segment.last; ++s)
                forward_of_[at(s)] = number;
            ++number;
        }
        for (const step_segment& segment : plan_.backward_segments.view()) {
            for (int s = segment.first; s < segment.last; ++s)
                backward_of_[at(s)] = number;
            ++number;
        }
        for (int s = 0; s < step_count(); ++s)
            plan_.producers[at(step_at(s).value)] = s;
    }

    // The network's input and outputs: outside of the arena where a kernel can read or write them there.
    constexpr void place_ends() noexcept {
        for (node_id i = 0; i < g_.size(); ++i)
            if (g_[i].kind == op::input)
                plan_.values[at(i)] = {is_read_densely(i) ? place::input : place::arena, -1, 0};
        for (std::size_t p = 0; p < g_.parts.size(); ++p) {
            const node_id v = g_.parts[p].value;
            const int producer = plan_.producers[at(v)];
            if (count_uses(v) == 1 && producer >= 0 && is_ungrouped(g_[step_at(producer).node]))
                plan_.values[at(v)] = plan_.gradients[at(v)] = {place::output, static_cast<int>(p), 0};
            else
                gradient_[at(v)].include(forward_count()); // copied there before anything else
        }
    }
    // Only matrix products and first convolutions read pixels without padding.
    constexpr bool is_read_densely(node_id input) const noexcept {
        if (g_[input].out.channels % channel_multiple == 0)
            return true;
        for (int s = 0; s < step_count(); ++s)
            if (step_at(s).second == input || step_at(s).third == input ||
                (step_at(s).input == input && !is_ungrouped(g_[step_at(s).node])))
                return false;
        return true;
    }
    constexpr int count_uses(node_id v) const noexcept {
        int uses = 0;
        for (int s = 0; s < step_count(); ++s)
            uses += (step_at(s).input == v) + (step_at(s).second == v) + (step_at(s).third == v);
        for (const output_part& p : g_.parts)
            uses += p.value == v;
        return uses;
    }

    constexpr void find_forward_reads() noexcept {
        for (int s = 0; s < step_count(); ++s)
            for (node_id v : {step_at(s).input, step_at(s).second, step_at(s).third, step_at(s).value})
                if (v >= 0)
                    value_[at(v)].include(forward_of_[at(s)]);
        for (node_id i = 0; i < g_.size(); ++i)
            if (g_[i].kind == op::input)
                value_[at(i)].include(0);
        for (const output_part& p : g_.parts) // copied to the output at the end
            value_[at(p.value)].include(forward_count() - 1);
    }

    // From the outputs to the input: which steps run, which gradients are written first and which added, which
    // values are read again.
    constexpr void differentiate() noexcept {
        std::array<bool, Capacity> has_gradient{}, is_there{};
        const std::array<bool, Capacity> recomputes = find_recomputed();
        for (const output_part& p : g_.parts)
            has_gradient[at(p.value)] = true;
        for (node_id i = 0; i < g_.size(); ++i)
            root_[at(i)] = i;
        for (int s = step_count(); s-- > 0;) {
            const training_step& step = step_at(s);
            if (!has_gradient[at(step.value)])
                continue;
            backward_step& b = plan_.backward[at(s)];
            b.runs = true;
            const node& n = g_[step.node];
            const int now = backward_of_[at(s)];
            gradient_[at(root_[at(step.value)])].include(now);
            const auto read = [&](node_id v) {
                const bool again = recomputes[at(v)];
                (again ? again_[at(v)] : value_[at(v)]).include(now);
                const bool first = again && !is_there[at(v)];
                is_there[at(v)] = is_there[at(v)] || again;
                return first;
            };
            if (backward_reads_input(n.kind, step.act, n.factors))
                b.recomputes_input = read(step.input);
            if (step.second >= 0 && backward_reads_others(n.kind, step.act, n.factors))
                b.recomputes_second = read(step.second);
            if (step.third >= 0 && backward_reads_others(n.kind, step.act, n.factors))
                b.recomputes_third = read(step.third);
            b.adds_input = write_gradient(step.input, has_gradient, now);
            if (!b.adds_input && can_share(s))
                share(step.value, step.input);
            if (step.second >= 0)
                b.adds_second = write_gradient(step.second, has_gradient, now);
            if (step.third >= 0)
                b.adds_third = write_gradient(step.third, has_gradient, now);
        }
    }
    // By node id: values that the backward pass computes again. A norm's sums are taken before its turn comes, from
    // values that are there.
    constexpr std::array<bool, Capacity> find_recomputed() const noexcept {
        std::array<bool, Capacity> recomputed{}, kept{};
        if (!options_.recomputes)
            return recomputed;
        for (int s = 0; s < step_count(); ++s)
            if (is_norm(g_[step_at(s).node].kind))
                for (node_id v : {step_at(s).input, step_at(s).second})
                    if (v >= 0)
                        kept[at(v)] = true;
        for (int s = 0; s < step_count(); ++s) {
            const node_id v = step_at(s).value;
            recomputed[at(v)] = is_cheap_to_recompute(g_, step_at(s)) && !kept[at(v)] &&
                                !recomputed[at(step_at(s).input)] && plan_.values[at(v)].where != place::output;
        }
        return recomputed;
    }
    // Whether the gradient is there already.
    constexpr bool write_gradient(node_id v, std::array<bool, Capacity>& has_gradient, int now) noexcept {
        if (g_[v].kind == op::input && !options_.input_gradient)
            return false;
        const bool was_there = has_gradient[at(v)];
        has_gradient[at(v)] = true;
        gradient_[at(root_[at(v)])].include(now);
        if (g_[v].kind == op::input)
            gradient_[at(root_[at(v)])].include(all_segments() - 1);
        return was_there;
    }
    // The gradient of a step's input takes the place of the output's, which nothing reads afterwards.
    constexpr bool can_share(int s) const noexcept {
        const training_step& step = step_at(s);
        return runs_backward_in_place(g_[step.node].kind) && g_[step.input].kind != op::input &&
               plan_.gradients[at(step.value)].where != place::output && step.input != step.second;
    }
    constexpr void share(node_id from, node_id to) noexcept {
        const interval mine = gradient_[at(to)];
        root_[at(to)] = root_[at(from)];
        gradient_[at(root_[at(to)])].include(mine.end);
        gradient_[at(to)] = {};
    }

    // Segment by segment, reserves what begins there. Only values that a segment's steps name can.
    constexpr void reserve() noexcept {
        arena_planner<3 * Capacity> arena;
        int number = 0;
        for (const step_segment& segment : plan_.forward_segments.view()) {
            arena.release_before(number);
            for (node_id i = 0; number == 0 && i < g_.size(); ++i)
                if (g_[i].kind == op::input)
                    reserve(arena, number, value_[at(i)], i, plan_.values[at(i)]);
            for (int s = segment.first; s < segment.last; ++s)
                reserve(arena, number, value_[at(step_at(s).value)], step_at(s).value,
                        plan_.values[at(step_at(s).value)]);
            ++number;
        }
        for (const step_segment& segment : plan_.backward_segments.view()) {
            arena.release_before(number);
            for (std::size_t p = 0; number == forward_count() && p < g_.parts.size(); ++p)
                reserve_gradient(arena, number, g_.parts[p].value);
            for (int s = segment.last; s-- > segment.first;)
                for (node_id v : {step_at(s).input, step_at(s).second, step_at(s).third})
                    if (v >= 0) {
                        reserve(arena, number, again_[at(v)], v, plan_.recomputed[at(v)]);
                        reserve_gradient(arena, number, v);
                    }
            ++number;
        }
        for (node_id v = 0; v < g_.size(); ++v)
            if (root_[at(v)] != v)
                plan_.gradients[at(v)] = plan_.gradients[at(root_[at(v)])];
        plan_.floats = arena.high_water();
    }
    constexpr void reserve_gradient(arena_planner<3 * Capacity>& arena, int segment, node_id v) noexcept {
        const node_id root = root_[at(v)];
        reserve(arena, segment, gradient_[at(root)], root, plan_.gradients[at(root)]);
    }
    constexpr void reserve(arena_planner<3 * Capacity>& arena, int segment, const interval& when, node_id v,
                           memory_place& where) noexcept {
        if (where.where != place::none && where.where != place::arena)
            return; // not in the arena
        if (where.part == reserved || when.is_empty() || when.begin != segment)
            return;
        const shape& s = shapes_[at(v)];
        const std::size_t floats = static_cast<std::size_t>(options_.batch) *
                                   static_cast<std::size_t>(s.height) * static_cast<std::size_t>(s.width) *
                                   static_cast<std::size_t>(padded_channels(s.channels));
        where = {place::arena, reserved, arena.reserve((floats + 15) / 16 * 16, when.end)};
    }

    static constexpr int reserved = -2; // memory_place::part of what has its memory

    graph_view g_;
    span<const training_step> steps_;
    span<const shape> shapes_;
    training_plan_options options_;
    training_plan<Capacity> plan_{};
    std::array<int, Capacity> forward_of_{}, backward_of_{}; // segment of each step
    std::array<interval, Capacity> value_{}, again_{}, gradient_{}; // by node id
    std::array<node_id, Capacity> root_{}; // by node id: whose gradient's memory a gradient lies in
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
