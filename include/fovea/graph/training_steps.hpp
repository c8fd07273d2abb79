// The pass that prepares a graph for training: from nodes to steps that have a backward pass, and what that
// pass reads.
//
// Where inference folds a batch-norm into the convolution before it, training needs the convolution's own
// output. A norm takes in what follows it instead: a residual addition and the activation, one pass over the
// map.
#pragma once

#include <fovea/graph/fuse.hpp>

namespace fovea {

// One forward/backward pair of calls. Values (input, second, third, value) are node ids.
struct training_step {
    node_id node = -1;   // the operator
    node_id input = -1;  // value it reads
    node_id second = -1; // another one: a norm's or an addition's other summand, a scale's gate
    node_id third = -1;  // of a weighted sum
    node_id value = -1;  // value it computes
    activation act = activation::identity;
};

template <std::size_t Capacity>
struct training_step_list {
    std::array<training_step, Capacity> steps{};
    std::size_t count = 0;

    constexpr void push(const training_step& s) noexcept { steps[count++] = s; }
    constexpr span<const training_step> view() const noexcept { return {steps.data(), count}; }
};

constexpr bool is_norm(op kind) noexcept {
    return kind == op::batch_norm || kind == op::group_norm;
}

// Whether the backward pass of an operator reads the values that its forward pass read: the input; the second
// and the third, where there are any. `act`: of the step; `factors`: of a weighted sum.
constexpr bool backward_reads_input(op kind, activation act, weighting factors) noexcept {
    switch (kind) {
    case op::add:
        return act != activation::identity;
    case op::weighted_sum:
        return act != activation::identity || factors != weighting::none;
    case op::global_average_pool:
    case op::avg_pool:
    case op::resize:
    case op::dropout:
    case op::stochastic_depth:
        return false;
    default:
        return true;
    }
}
constexpr bool backward_reads_others(op kind, activation act, weighting factors) noexcept {
    return kind == op::weighted_sum ? backward_reads_input(kind, act, factors)
                                    : kind == op::scale || act != activation::identity;
}

// Whether the backward pass may write the input's gradient over the output's.
constexpr bool runs_backward_in_place(op kind) noexcept {
    return is_norm(kind) || kind == op::activate;
}

// Whether a step's value is kept between passes or, with recomputation, computed again: what costs one pass
// over a map that is kept anyway. A chain of residuals is not taken up again from its beginning.
constexpr bool is_cheap_to_recompute(graph_view g, const training_step& s) noexcept {
    const op kind = g[s.node].kind;
    return s.act != activation::identity && s.second < 0 && (is_norm(kind) || kind == op::activate);
}

namespace detail {

template <std::size_t Capacity>
class training_fusion {
public:
    constexpr explicit training_fusion(graph_view g) noexcept : g_(g), uses_(g) {}

    constexpr training_step_list<Capacity> run() noexcept {
        for (node_id i = 0; i < g_.size(); ++i)
            if (!done_[at(i)] && g_[i].kind != op::input)
                visit(i);
        return steps_;
    }

private:
    static constexpr std::size_t at(node_id i) noexcept { return static_cast<std::size_t>(i); }

    constexpr void visit(node_id i) noexcept {
        const node& n = g_[i];
        training_step s;
        s.node = s.value = i;
        s.input = n.inputs[0];
        if (n.kind == op::add || n.kind == op::scale || n.kind == op::weighted_sum)
            s.second = n.inputs[1];
        if (n.kind == op::weighted_sum)
            s.third = n.inputs[2];
        s.act = n.kind == op::activate ? n.act : activation::identity;
        done_[at(i)] = true;
        if (is_norm(n.kind))
            take_addition(s);
        if (is_norm(n.kind) || n.kind == op::add || n.kind == op::weighted_sum)
            take_activation(s);
        steps_.push(s);
        computed_[at(s.value)] = true;
    }
    // The addition behind a norm, when nothing else reads the norm's output and the other summand is there.
    constexpr void take_addition(training_step& s) noexcept {
        const node_id next = uses_.sole_reader(s.value);
        if (next < 0 || g_[next].kind != op::add)
            return;
        const auto& in = g_[next].inputs;
        const node_id other = in[0] == s.value ? in[1] : in[0];
        if (g_[other].kind != op::input && !computed_[at(other)])
            return;
        s.second = other;
        s.value = next;
        done_[at(next)] = true;
    }
    constexpr void take_activation(training_step& s) noexcept {
        const node_id next = uses_.sole_reader(s.value);
        if (next < 0 || g_[next].kind != op::activate)
            return;
        s.act = g_[next].act;
        s.value = next;
        done_[at(next)] = true;
    }

    graph_view g_;
    use_table<Capacity> uses_;
    std::array<bool, Capacity> done_{}, computed_{};
    training_step_list<Capacity> steps_{};
};

} // namespace detail

// Steps in the order of the forward pass; the backward pass runs them from the last to the first. Capacity >=
// nodes.
template <std::size_t Capacity>
constexpr training_step_list<Capacity> fuse_training(graph_view g) noexcept {
    return detail::training_fusion<Capacity>(g).run();
}

} // namespace fovea
