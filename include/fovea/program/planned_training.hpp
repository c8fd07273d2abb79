// What a training network is planned for: one input size, batch and number of workers, and where everything
// lies then.
#pragma once

#include <fovea/graph/plan_training.hpp>
#include <fovea/program/replan.hpp>
#include <fovea/program/training_memory.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace fovea {

// Shapes by node; layers and the kernels' own memory by step.
struct planned_training {
    training_plan_options options;
    std::vector<shape> shapes;
    training_plan<max_runtime_nodes> plan;
    std::vector<training_layer> layers;
    std::vector<std::size_t> packed, saved; // offsets into the arena
    std::size_t scratch = 0;                // offset, of every call's
    std::size_t floats = 0;                 // of the whole arena
    std::vector<int> step_of_node;          // that runs the operator, or -1
};

namespace detail {

// Shapes of all values. Throws input_error when the network cannot take the batch.
inline std::vector<shape> training_shapes_for(graph_view g, int batch, int height, int width) {
    constexpr double most = 17179869184.0; // 64 GiB
    if (batch < 1)
        throw input_error("a batch of " + std::to_string(batch) + " images; expected at least 1");
    std::vector<shape> shapes = shapes_for(g, height, width);
    double floats = 0;
    for (const shape& s : shapes)
        floats += static_cast<double>(s.size()) * batch;
    if (floats > most)
        throw input_error("training with a batch of " + std::to_string(batch) + " would need memory for " +
                          std::to_string(floats) + " numbers; expected at most " + std::to_string(most));
    return shapes;
}

} // namespace detail

// Images of height x width pixels; `kernels`: one a step. Throws input_error when the network cannot take
// them.
inline std::unique_ptr<planned_training> plan_training_network(graph_view g, span<const training_step> steps,
                                                               span<const training_kernel> kernels,
                                                               const training_plan_options& options,
                                                               int height, int width, int workers) {
    auto p = std::make_unique<planned_training>();
    p->options = options;
    p->shapes = detail::training_shapes_for(g, options.batch, height, width);
    using planner = detail::training_planner<max_runtime_nodes>;
    p->plan = std::make_unique<planner>(g, steps, p->shapes, options)->run();
    p->step_of_node.assign(g.nodes.size(), -1);
    for (std::size_t s = 0; s < steps.size(); ++s) {
        p->layers.push_back(training_layer_of(g, steps[s], p->shapes, p->plan.values, options.batch));
        p->step_of_node[static_cast<std::size_t>(steps[s].node)] = static_cast<int>(s);
    }
    p->packed.resize(steps.size());
    p->saved.resize(steps.size());
    const training_memory m = lay_out_training(
        p->plan, kernels, options.batch, workers,
        [&](int s) { return p->layers[static_cast<std::size_t>(s)]; },
        [&](std::size_t s, std::size_t packed, std::size_t saved) {
            p->packed[s] = packed;
            p->saved[s] = saved;
        });
    p->scratch = m.scratch;
    p->floats = m.all;
    return p;
}

} // namespace fovea
