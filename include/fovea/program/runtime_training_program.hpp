// A training program built at run time, for tables that a user gives then.
#pragma once

#include <fovea/kernels/training_kernel_table.hpp>
#include <fovea/program/runtime_graph.hpp>
#include <fovea/program/training_program.hpp>

#include <memory>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Owns the graph, steps and kernels of a table's network in training. All pairs of kernels are compiled in. Not
// movable: views point into it.
class runtime_training_program {
public:
    // norm_momentum: of batch-norms, as training_program_view has it. Throws input_error when the table is wrong.
    template <class Table>
    runtime_training_program(const Table& table, float norm_momentum)
        : graph_(table), norm_momentum_(norm_momentum) {
        const auto fusion = std::make_unique<detail::training_fusion<max_runtime_nodes>>(graph());
        const auto list = std::make_unique<training_step_list<max_runtime_nodes>>(fusion->run());
        steps_.assign(list->view().begin(), list->view().end());
        for (const training_step& s : steps_)
            kernels_.push_back(
                training_kernel_table[static_cast<std::size_t>(select_training_kernel(graph(), s.node))]);
    }
    // With the table's own momentum.
    template <class Table>
    explicit runtime_training_program(const Table& table)
        : runtime_training_program(table, norm_momentum_of(table)) {}
    runtime_training_program(const runtime_training_program&) = delete;
    runtime_training_program& operator=(const runtime_training_program&) = delete;

    graph_view graph() const noexcept { return graph_.view(); }
    training_program_view view() const noexcept { return {graph(), steps_, kernels_, norm_momentum_}; }

private:
    runtime_graph graph_;
    float norm_momentum_;
    std::vector<training_step> steps_;
    std::vector<training_kernel> kernels_;
};

FOVEA_ARCH_NAMESPACE_END
