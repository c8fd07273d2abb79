// The operands of every call of a training network's passes: addresses from the plan, the parameters and the
// caller's images.
#pragma once

#include <fovea/program/planned_training.hpp>
#include <fovea/program/training_parameters.hpp>
#include <fovea/train/random.hpp>

#include <algorithm>
#include <vector>

namespace fovea {

// Values and gradients in memory: the arena and the network's ends.
struct training_addresses {
    float* arena = nullptr;
    float* images = nullptr;                       // only read
    std::vector<float*> outputs, output_gradients; // by part, of the first image
};

class training_calls {
public:
    // Operands of step s.
    const training_operands& forward(int s) const noexcept { return forward_[at(s)]; }
    const training_operands& backward(int s) const noexcept { return backward_[at(s)]; }
    // Whether step s takes part in the backward pass: a gradient reaches it, and something is trained at or
    // in front of it.
    bool runs_backward(int s) const noexcept { return runs_[at(s)]; }

    // Allocates for so many steps and nodes; link() then allocates nothing.
    void reserve(std::size_t steps, std::size_t nodes) {
        forward_.resize(steps);
        backward_.resize(steps);
        runs_.resize(steps);
        needed_.resize(nodes);
    }

    // `random`: number of this pass.
    void link(graph_view g, span<const training_step> steps, const planned_training& p,
              training_parameters& parameters, const training_addresses& a, float momentum,
              std::uint64_t random) noexcept {
        find_needed(g, steps, p, parameters);
        for (int s = 0; s < static_cast<int>(steps.size()); ++s) {
            training_operands& f = forward_[at(s)];
            f = {};
            f.input = value(p.plan, a, steps[at(s)].input);
            f.second = steps[at(s)].second < 0 ? nullptr : value(p.plan, a, steps[at(s)].second);
            f.third = steps[at(s)].third < 0 ? nullptr : value(p.plan, a, steps[at(s)].third);
            f.output = value(p.plan, a, steps[at(s)].value);
            f.packed = a.arena + p.packed[at(s)];
            f.saved = a.arena + p.saved[at(s)];
            f.scratch = a.arena + p.scratch;
            f.momentum = momentum;
            f.uses_running = parameters.uses_running(steps[at(s)].node);
            f.random = detail::mix_bits(random * 0x9e3779b97f4a7c15U + static_cast<std::uint64_t>(s + 1));
        }
        link_parameters(p, parameters);
        for_each_shared(g, steps, p, [&](std::size_t owner, std::size_t s) {
            forward_[s].weight = forward_[owner].weight;
            forward_[s].bias = forward_[owner].bias;
        });
        for (int s = 0; s < static_cast<int>(steps.size()); ++s)
            link_backward(steps[at(s)], s, p.plan, a);
        link_gradients(p, parameters);
        for_each_shared(g, steps, p, [&](std::size_t owner, std::size_t s) {
            backward_[s].weight_gradient = backward_[owner].weight_gradient;
            backward_[s].bias_gradient = backward_[owner].bias_gradient;
        });
    }

private:
    using plan_type = training_plan<max_runtime_nodes>;

    static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

    static float* value(const plan_type& plan, const training_addresses& a, node_id v) noexcept {
        const memory_place& where = plan.values[at(v)];
        return where.where == place::input    ? a.images
               : where.where == place::output ? a.outputs[at(where.part)]
                                              : a.arena + where.offset;
    }
    // Where the backward pass finds a value.
    static float* kept_value(const plan_type& plan, const training_addresses& a, node_id v) noexcept {
        const memory_place& again = plan.recomputed[at(v)];
        return again.where == place::arena ? a.arena + again.offset : value(plan, a, v);
    }
    static float* gradient(const plan_type& plan, const training_addresses& a, node_id v) noexcept {
        const memory_place& where = plan.gradients[at(v)];
        return where.where == place::output  ? a.output_gradients[at(where.part)]
               : where.where == place::arena ? a.arena + where.offset
                                             : nullptr;
    }

    // f(step of the owner, step) for each step that runs with another node's parameters.
    template <class Function>
    static void for_each_shared(graph_view g, span<const training_step> steps, const planned_training& p,
                                const Function& f) noexcept {
        for (std::size_t s = 0; s < steps.size(); ++s)
            if (g[steps[s].node].shares >= 0)
                f(at(p.step_of_node[at(g[steps[s].node].shares)]), s);
    }
    // By node: whether anything that is trained lies at or in front of the value.
    void find_needed(graph_view g, span<const training_step> steps, const planned_training& p,
                     const training_parameters& parameters) noexcept {
        for (node_id i = 0; i < g.size(); ++i)
            needed_[at(i)] = g[i].kind == op::input && p.options.input_gradient;
        for (int s = 0; s < static_cast<int>(steps.size()); ++s) {
            const training_step& step = steps[at(s)];
            const bool has_parameters = g[step.node].kind == op::conv2d || g[step.node].kind == op::linear ||
                                        is_norm(g[step.node].kind) || g[step.node].factors != weighting::none;
            bool needed = has_parameters && parameters.trains(step.node);
            for (node_id v : {step.input, step.second, step.third})
                needed = needed || (v >= 0 && needed_[at(v)]);
            needed_[at(step.value)] = needed;
            runs_[at(s)] = needed_[at(step.value)] && p.plan.backward[at(s)].runs;
        }
    }
    void link_parameters(const planned_training& p, training_parameters& parameters) noexcept {
        for (const training_parameters::placed& placed : parameters.all()) {
            training_operands& f = forward_[at(p.step_of_node[at(placed.what.owner)])];
            const float* const number = parameters.values().data() + placed.place;
            float* const buffer = parameters.buffers().data() + placed.place;
            switch (placed.what.kind) {
            case parameter_kind::weight:
            case parameter_kind::norm_weight:
            case parameter_kind::sum_weight:
                f.weight = number;
                break;
            case parameter_kind::bias:
            case parameter_kind::norm_bias:
                f.bias = number;
                break;
            case parameter_kind::running_mean:
                f.running_mean = buffer;
                break;
            case parameter_kind::running_var:
                f.running_var = buffer;
                break;
            case parameter_kind::num_batches_tracked:
                f.batches = static_cast<double>(*buffer) - 1; // this one is counted already
                break;
            }
        }
    }
    void link_backward(const training_step& step, int s, const plan_type& plan,
                       const training_addresses& a) noexcept {
        training_operands& b = backward_[at(s)];
        b = forward_[at(s)];
        b.input = kept_value(plan, a, step.input);
        b.second = step.second < 0 ? nullptr : kept_value(plan, a, step.second);
        b.third = step.third < 0 ? nullptr : kept_value(plan, a, step.third);
        const auto wanted = [&](node_id v) {
            return v >= 0 && needed_[at(v)] ? gradient(plan, a, v) : nullptr;
        };
        b.output_gradient = gradient(plan, a, step.value);
        b.input_gradient = wanted(step.input);
        b.second_gradient = wanted(step.second);
        b.third_gradient = wanted(step.third);
        b.adds_input = plan.backward[at(s)].adds_input;
        b.adds_second = plan.backward[at(s)].adds_second;
        b.adds_third = plan.backward[at(s)].adds_third;
    }
    void link_gradients(const planned_training& p, training_parameters& parameters) noexcept {
        for (const training_parameters::placed& placed : parameters.all()) {
            if (!placed.is_trained)
                continue;
            training_operands& b = backward_[at(p.step_of_node[at(placed.what.owner)])];
            const bool is_weight = placed.what.kind == parameter_kind::weight ||
                                   placed.what.kind == parameter_kind::norm_weight ||
                                   placed.what.kind == parameter_kind::sum_weight;
            (is_weight ? b.weight_gradient : b.bias_gradient) = parameters.gradients().data() + placed.place;
        }
    }

    std::vector<training_operands> forward_, backward_; // by step
    std::vector<bool> runs_;                            // by step
    std::vector<bool> needed_;                          // by node
};

} // namespace fovea
