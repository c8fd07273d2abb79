// A program built at run time: the same passes as a model type's, for tables that a user gives then.
#pragma once

#include <fovea/graph/fuse_blocks.hpp>
#include <fovea/kernels/kernel_table.hpp>
#include <fovea/program/network.hpp>
#include <fovea/program/runtime_graph.hpp>

#include <memory>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

// Owns the graph, steps and kernels of a table's network. All kernels are compiled in. Not movable: views
// point into it.
class runtime_program {
public:
    // Throws input_error when the table is wrong.
    template <class Table>
    explicit runtime_program(const Table& table, fusion_level level = fusion_level::blocks) : graph_(table) {
        const auto fusion = std::make_unique<detail::fusion<max_runtime_nodes>>(graph());
        const auto layers = std::make_unique<step_list<max_runtime_nodes>>(fusion->run());
        const auto blocks =
            std::make_unique<detail::block_fusion<max_runtime_nodes>>(graph(), layers->view());
        if (level == fusion_level::blocks)
            *layers = blocks->run();
        steps_.assign(layers->view().begin(), layers->view().end());
        for (const step& s : steps_)
            kernels_.push_back(kernel_table[static_cast<std::size_t>(select_kernel(graph(), s))]);
    }
    runtime_program(const runtime_program&) = delete;
    runtime_program& operator=(const runtime_program&) = delete;

    graph_view graph() const noexcept { return graph_.view(); }
    program_view view() const noexcept { return {graph(), steps_, kernels_}; }

private:
    runtime_graph graph_;
    std::vector<step> steps_;
    std::vector<kernel> kernels_;
};

FOVEA_ARCH_NAMESPACE_END
