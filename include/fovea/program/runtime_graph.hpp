// A graph built at run time: the same builder as a model type's, for tables that a user gives then.
#pragma once

#include <fovea/error.hpp>
#include <fovea/graph/builder.hpp>
#include <fovea/program/replan.hpp>

#include <memory>
#include <string>
#include <vector>

namespace fovea {

// Owns the graph of a table's network. Not movable: views point into it.
class runtime_graph {
public:
    // Throws input_error when the table is wrong.
    template <class Table>
    explicit runtime_graph(const Table& table) {
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
    }
    runtime_graph(const runtime_graph&) = delete;
    runtime_graph& operator=(const runtime_graph&) = delete;

    graph_view view() const noexcept { return {nodes_, names_, outputs_, parts_}; }

private:
    std::vector<node> nodes_;
    std::vector<name_part> names_;
    std::vector<output> outputs_;
    std::vector<output_part> parts_;
};

} // namespace fovea
