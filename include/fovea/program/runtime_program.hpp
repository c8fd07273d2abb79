// A program built at run time: the same builder and passes as a model type's, for tables that a user gives
// then.
#pragma once

#include <fovea/error.hpp>
#include <fovea/graph/fuse_blocks.hpp>
#include <fovea/program/network.hpp>

#include <memory>

FOVEA_ARCH_NAMESPACE_BEGIN

// Owns the graph, steps and kernels of a table's network. All kernels are compiled in. Not movable: views
// point into it.
class runtime_program {
public:
    // Throws input_error when the table is wrong.
    template <class Table>
    explicit runtime_program(const Table& table, fusion_level level = fusion_level::blocks) {
        const auto b = std::make_unique<builder<max_runtime_nodes>>();
        build_graph(*b, table);
        const fault_report& f = b->first_fault();
        if (f.kind != fault::none)
            throw input_error("the model's table is wrong at node or row " + std::to_string(f.node) + ": " +
                              std::string(explain(f.kind)) + "; got " + std::to_string(f.got) + ", want " +
                              std::to_string(f.want));
        const graph_view g = b->view();
        nodes_.assign(g.nodes.begin(), g.nodes.end());
        names_.assign(g.names.begin(), g.names.end());
        outputs_.assign(g.outputs.begin(), g.outputs.end());
        parts_.assign(g.parts.begin(), g.parts.end());
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

    graph_view graph() const noexcept { return {nodes_, names_, outputs_, parts_}; }
    program_view view() const noexcept { return {graph(), steps_, kernels_}; }

private:
    std::vector<node> nodes_;
    std::vector<name_part> names_;
    std::vector<output> outputs_;
    std::vector<output_part> parts_;
    std::vector<step> steps_;
    std::vector<kernel> kernels_;
};

FOVEA_ARCH_NAMESPACE_END
