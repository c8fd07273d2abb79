// The fusion pass: from nodes as the reference writes them to steps as kernels run them.
//
// Folded into a convolution or linear layer: the batch-norm behind it, a residual addition, the activation,
// and a squeeze-excite gate on its input; into a weighted sum: the activation. Dropout and stochastic depth
// vanish. A value is named by the node that computes it in the reference, so names and shapes need no second
// table.
#pragma once

#include <fovea/graph/graph.hpp>
#include <fovea/graph/padding.hpp>

namespace fovea {

// A convolution that a step runs in front of its own operator: see graph/fuse_blocks.hpp.
struct stage {
    node_id node = -1; // -1: there is none
    node_id norm = -1; // batch-norm folded into it
    activation act = activation::identity;
};

// One kernel call. Values (input, gate, residual, third, value, pool) are node ids.
struct step {
    node_id node = -1;     // the operator: convolution, linear, pool, ...; -1: copy of a value to an output
    node_id norm = -1;     // batch-norm folded into it
    node_id input = -1;    // value it reads
    node_id gate = -1;     // value [1, 1, C] that multiplies the input's channels
    node_id residual = -1; // value added before the activation; a weighted sum's second map
    node_id third = -1;    // a weighted sum's third map
    node_id value = -1;    // value it computes
    int output = -1;       // copies only: the output_part it fills
    activation act = activation::identity;
    stage expand{}, depthwise{}; // run before `node`, in this order
    node_id pool = -1;           // value [1, 1, C] it computes besides: the mean of `value` over the map
    node_id resized = -1;        // the resize that a weighted sum reads its second map through
    bool adds_expanded = false;  // the residual is what `expand` computes, which has no place in memory
};

template <std::size_t Capacity>
struct step_list {
    std::array<step, Capacity> steps{};
    std::size_t count = 0;

    constexpr void push(const step& s) noexcept { steps[count++] = s; }
    constexpr span<const step> view() const noexcept { return {steps.data(), count}; }
};

namespace detail {

// Who reads each node, as far as fusion needs to know.
template <std::size_t Capacity>
struct use_table {
    std::array<int, Capacity> uses{};
    std::array<node_id, Capacity> reader{}; // the last one

    constexpr explicit use_table(graph_view g) noexcept {
        for (node_id i = 0; i < g.size(); ++i)
            for (node_id x : g[i].inputs)
                if (x >= 0) {
                    ++uses[static_cast<std::size_t>(x)];
                    reader[static_cast<std::size_t>(x)] = i;
                }
        for (const output_part& p : g.parts)
            uses[static_cast<std::size_t>(p.value)] += 2; // never a sole reader
    }
    // The only reader of x, or -1.
    constexpr node_id sole_reader(node_id x) const noexcept {
        return uses[static_cast<std::size_t>(x)] == 1 ? reader[static_cast<std::size_t>(x)] : -1;
    }
};

// What is the identity outside training.
constexpr bool is_training_only(op kind) noexcept {
    return kind == op::dropout || kind == op::stochastic_depth;
}

// Matrix products read any channel stride and write any; everything else works on padded channels.
constexpr bool is_ungrouped(const node& n) noexcept {
    return n.kind == op::linear || (n.kind == op::conv2d && n.groups == 1);
}
constexpr bool is_matrix_product(const node& n) noexcept {
    return is_ungrouped(n) && (n.kind == op::linear || n.win.is_pointwise());
}

template <std::size_t Capacity>
class fusion {
public:
    constexpr explicit fusion(graph_view g) noexcept : g_(g), uses_(g) {}

    constexpr step_list<Capacity> run() noexcept {
        for (node_id i = 0; i < g_.size(); ++i)
            if (!flag(done_, i))
                visit(i);
        for (std::size_t p = 0; p < g_.parts.size(); ++p)
            if (needs_copy(g_.parts[p].value)) {
                step s;
                s.input = value(g_.parts[p].value);
                s.output = static_cast<int>(p);
                steps_.push(s);
            }
        return steps_;
    }

private:
    static constexpr std::size_t at(node_id i) noexcept { return static_cast<std::size_t>(i); }
    static constexpr bool flag(const std::array<bool, Capacity>& flags, node_id i) noexcept {
        return flags[at(i)];
    }
    // The value that reading node i means: what only training does is its input.
    constexpr node_id value(node_id i) const noexcept {
        while (is_training_only(g_[i].kind))
            i = g_[i].inputs[0];
        return i;
    }

    // An output that is read elsewhere too, or is no step's own value, or that no kernel writes without
    // padding, is copied out at the end.
    constexpr bool needs_copy(node_id i) const noexcept {
        return uses_.uses[at(i)] != 2 || !flag(written_densely_, i);
    }

    constexpr void visit(node_id i) noexcept {
        const node& n = g_[i];
        done_[at(i)] = true;
        if (n.kind == op::input || is_training_only(n.kind))
            return;
        if (n.kind == op::scale && is_gate(i))
            return; // the convolution that reads it takes the gate
        step s;
        s.node = i;
        s.input = value(n.inputs[0]);
        s.value = i;
        if (n.kind == op::conv2d || n.kind == op::linear)
            fuse_epilogue(s, i);
        else if (n.kind == op::activate)
            s.act = n.act;
        else if (n.kind == op::add)
            s.residual = value(n.inputs[1]);
        else if (n.kind == op::scale)
            s.gate = value(n.inputs[1]);
        else if (n.kind == op::weighted_sum) {
            s.residual = value(n.inputs[1]);
            s.third = n.inputs[2] < 0 ? -1 : value(n.inputs[2]);
            fuse_activation(s);
        }
        if (g_[s.input].kind == op::scale && flag(gated_, s.input)) {
            s.gate = value(g_[s.input].inputs[1]);
            s.input = value(g_[s.input].inputs[0]);
        }
        steps_.push(s);
        computed_[at(s.value)] = true;
        written_densely_[at(s.value)] = is_ungrouped(n) || n.out.channels % channel_multiple == 0;
    }
    constexpr bool is_gate(node_id scale) noexcept {
        const node_id reader = uses_.sole_reader(scale);
        gated_[at(scale)] = reader >= 0 && is_matrix_product(g_[reader]);
        return gated_[at(scale)];
    }
    // Takes in what follows `tail` while it is its only reader: batch-norm, addition, activation, in this
    // order.
    constexpr void fuse_epilogue(step& s, node_id tail) noexcept {
        node_id next = uses_.sole_reader(tail);
        if (next >= 0 && g_[next].kind == op::batch_norm) {
            s.norm = next;
            take(s, next);
            next = uses_.sole_reader(next);
        }
        const node_id addition = behind_training_only(next);
        if (addition >= 0 && g_[addition].kind == op::add) {
            const node_id first = value(g_[addition].inputs[0]), second = value(g_[addition].inputs[1]);
            const node_id other = first == s.value ? second : first;
            if (flag(computed_, other)) {
                s.residual = other;
                take(s, addition);
            }
        }
        fuse_activation(s);
    }
    constexpr void fuse_activation(step& s) noexcept {
        const node_id next = uses_.sole_reader(s.value);
        if (next < 0 || g_[next].kind != op::activate)
            return;
        s.act = g_[next].act;
        take(s, next);
    }
    // The next node that does something here, as long as each has one reader: a residual branch of
    // EfficientNet ends with stochastic depth.
    constexpr node_id behind_training_only(node_id i) const noexcept {
        while (i >= 0 && is_training_only(g_[i].kind))
            i = uses_.sole_reader(i);
        return i;
    }
    constexpr void take(step& s, node_id n) noexcept {
        s.value = n;
        done_[at(n)] = true;
    }

    graph_view g_;
    use_table<Capacity> uses_;
    std::array<bool, Capacity> done_{}, gated_{}, computed_{}, written_densely_{};
    step_list<Capacity> steps_{};
};

} // namespace detail

// Steps in execution order; at most one a node and one copy a part. Capacity >= nodes + parts.
template <std::size_t Capacity>
constexpr step_list<Capacity> fuse(graph_view g) noexcept {
    return detail::fusion<Capacity>(g).run();
}

} // namespace fovea
