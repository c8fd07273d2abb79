// When training needs each value and each gradient, forward and backward, and what each step's backward pass
// does: differentiation, before anything has a place in memory.
#pragma once

#include <fovea/graph/training_ends.hpp>
#include <fovea/graph/training_segments.hpp>

namespace fovea {

struct training_plan_options {
    int batch = 1;
    // Activations behind norms are computed again in the backward pass instead of being kept: about half of
    // the memory for some percent of the time.
    bool recomputes = false;
    // The backward pass goes on to the gradient of the network's input.
    bool input_gradient = false;
};

// What the backward pass of a step does beside its own gradients.
struct backward_step {
    bool runs = false; // a gradient reaches the step's value
    // By value that the step reads (input, second, third): the gradient is added to what is there; before it,
    // the step that computes the value runs once more.
    bool adds_input = false, adds_second = false, adds_third = false;
    bool recomputes_input = false, recomputes_second = false, recomputes_third = false;
};

// The order of a pass. Segments are numbered through: the forward ones, then the backward ones.
template <std::size_t Capacity>
struct training_order {
    std::array<backward_step, Capacity> backward{}; // by step
    std::array<int, Capacity> producers{};          // by node id: the step that computes the value, or -1
    segment_list<Capacity> forward_segments{}, backward_segments{};
};

// Segments from `begin` to `end` in which memory is needed, both included; end < begin: never.
struct segment_lifetime {
    int begin = 1, end = 0;

    constexpr bool is_empty() const noexcept { return end < begin; }
    constexpr void include(int segment) noexcept {
        if (is_empty())
            begin = end = segment;
        begin = segment < begin ? segment : begin;
        end = segment > end ? segment : end;
    }
};

// By node id.
template <std::size_t Capacity>
struct training_lifetimes {
    std::array<segment_lifetime, Capacity> values{}, recomputed{}, gradients{};
    std::array<node_id, Capacity> roots{}; // whose gradient's memory a gradient lies in
    std::array<int, Capacity>
        parts{}; // the output's part that is the value's memory and its gradient's, or -1
};

namespace detail {

template <std::size_t Capacity>
class training_differentiation {
public:
    constexpr training_differentiation(graph_view g, span<const training_step> steps,
                                       span<const shape> shapes, const training_plan_options& options,
                                       training_order<Capacity>& order,
                                       training_lifetimes<Capacity>& lives) noexcept
        : g_(g), steps_(steps), shapes_(shapes), options_(options), order_(order), lives_(lives) {}

    constexpr void run() noexcept {
        order_.forward_segments = forward_segments<Capacity>(g_, steps_, shapes_, options_.batch);
        order_.backward_segments = backward_segments<Capacity>(g_, steps_, shapes_, options_.batch);
        for (auto& producer : order_.producers)
            producer = -1;
        number_segments();
        find_outputs();
        find_forward_reads();
        differentiate();
    }

private:
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    constexpr const training_step& step_at(int s) const noexcept { return steps_[at(s)]; }
    constexpr int step_count() const noexcept { return static_cast<int>(steps_.size()); }
    constexpr int forward_count() const noexcept { return static_cast<int>(order_.forward_segments.count); }
    constexpr int all_segments() const noexcept {
        return forward_count() + static_cast<int>(order_.backward_segments.count);
    }

    constexpr void number_segments() noexcept {
        int number = 0;
        for (const step_segment& segment : order_.forward_segments.view()) {
            for (int s = segment.first; s < segment.last; ++s)
                forward_of_[at(s)] = number;
            ++number;
        }
        for (const step_segment& segment : order_.backward_segments.view()) {
            for (int s = segment.first; s < segment.last; ++s)
                backward_of_[at(s)] = number;
            ++number;
        }
        for (int s = 0; s < step_count(); ++s)
            order_.producers[at(step_at(s).value)] = s;
    }

    constexpr void find_outputs() noexcept {
        for (auto& part : lives_.parts)
            part = -1;
        for (std::size_t p = 0; p < g_.parts.size(); ++p) {
            const node_id v = g_.parts[p].value;
            if (is_written_densely(g_, steps_, v, order_.producers[at(v)]))
                lives_.parts[at(v)] = static_cast<int>(p);
            else
                lives_.gradients[at(v)].include(forward_count()); // copied there before anything else
        }
    }
    constexpr void find_forward_reads() noexcept {
        for (int s = 0; s < step_count(); ++s)
            for (node_id v : {step_at(s).input, step_at(s).second, step_at(s).third, step_at(s).value})
                if (v >= 0)
                    lives_.values[at(v)].include(forward_of_[at(s)]);
        for (node_id i = 0; i < g_.size(); ++i)
            if (g_[i].kind == op::input)
                lives_.values[at(i)].include(0);
        for (const output_part& p : g_.parts) // copied to the output at the end
            lives_.values[at(p.value)].include(forward_count() - 1);
    }

    // From the outputs to the input: which steps run, which gradients are written first and which added,
    // which values are read again.
    constexpr void differentiate() noexcept {
        std::array<bool, Capacity> has_gradient{}, is_there{};
        const std::array<bool, Capacity> recomputes = find_recomputed();
        for (const output_part& p : g_.parts)
            has_gradient[at(p.value)] = true;
        for (node_id i = 0; i < g_.size(); ++i)
            lives_.roots[at(i)] = i;
        for (int s = step_count(); s-- > 0;) {
            const training_step& step = step_at(s);
            if (!has_gradient[at(step.value)])
                continue;
            backward_step& b = order_.backward[at(s)];
            b.runs = true;
            const node& n = g_[step.node];
            const int now = backward_of_[at(s)];
            lives_.gradients[at(lives_.roots[at(step.value)])].include(now);
            const auto read = [&](node_id v) {
                const bool again = recomputes[at(v)];
                (again ? lives_.recomputed[at(v)] : lives_.values[at(v)]).include(now);
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
    // By node id: values that the backward pass computes again. A norm's sums are taken before its turn
    // comes, from values that are there.
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
                                !recomputed[at(step_at(s).input)] && lives_.parts[at(v)] < 0;
        }
        return recomputed;
    }
    // Whether the gradient is there already.
    constexpr bool write_gradient(node_id v, std::array<bool, Capacity>& has_gradient, int now) noexcept {
        if (g_[v].kind == op::input && !options_.input_gradient)
            return false;
        const bool was_there = has_gradient[at(v)];
        has_gradient[at(v)] = true;
        lives_.gradients[at(lives_.roots[at(v)])].include(now);
        if (g_[v].kind == op::input)
            lives_.gradients[at(lives_.roots[at(v)])].include(all_segments() - 1);
        return was_there;
    }
    // The gradient of a step's input takes the place of the output's, which nothing reads afterwards.
    constexpr bool can_share(int s) const noexcept {
        const training_step& step = step_at(s);
        return runs_backward_in_place(g_[step.node].kind) && g_[step.input].kind != op::input &&
               lives_.parts[at(step.value)] < 0 && step.input != step.second;
    }
    constexpr void share(node_id from, node_id to) noexcept {
        const segment_lifetime mine = lives_.gradients[at(to)];
        lives_.roots[at(to)] = lives_.roots[at(from)];
        lives_.gradients[at(lives_.roots[at(to)])].include(mine.end);
        lives_.gradients[at(to)] = {};
    }

    graph_view g_;
    span<const training_step> steps_;
    span<const shape> shapes_;
    training_plan_options options_;
    training_order<Capacity>& order_;
    training_lifetimes<Capacity>& lives_;
    std::array<int, Capacity> forward_of_{}, backward_of_{}; // segment of each step
};

} // namespace detail

// From the outputs to the input, for the given shapes (one a node). Capacity >= nodes.
template <std::size_t Capacity>
constexpr void differentiate(graph_view g, span<const training_step> steps, span<const shape> shapes,
                             const training_plan_options& options, training_order<Capacity>& order,
                             training_lifetimes<Capacity>& lives) noexcept {
    detail::training_differentiation<Capacity>(g, steps, shapes, options, order, lives).run();
}

} // namespace fovea
