// Names of a graph's inner values, as hooks on the reference's modules would give them.
#pragma once

#include <fovea/graph/graph.hpp>

#include <string>
#include <vector>

namespace fovea::cli {

// Which module of the reference a value is the output of.
class module_names {
public:
    explicit module_names(graph_view g) : g_(g), last_(g.names.size(), -1) {
        for (node_id i = 0; i < g.size(); ++i)
            for (int part = g[i].name; part != 0; part = parent(part))
                last_[at(part)] = i;
    }

    // The outermost numbered module that ends with the value ("features.4" for its addition or its last
    // batch-norm), else the node's own name.
    std::string of_value(node_id value) const {
        int chosen = g_[value].name;
        for (int part = chosen; part != 0 && last_[at(part)] == value; part = parent(part))
            if (g_.names[at(part)].label.empty())
                chosen = part;
        return full_name(g_.names, chosen).str();
    }

private:
    static std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }
    int parent(int part) const noexcept { return g_.names[at(part)].parent; }

    graph_view g_;
    std::vector<node_id> last_; // by name part: the last node of that module
};

// The maps that a detector's heads read, one a level: the last values outside the head's module on the way
// back from each part of output 0. Empty for classifiers.
inline std::vector<node_id> level_values(graph_view g) {
    const auto top_module = [&](node_id i) {
        int part = g[i].name;
        while (part != 0 && g.names[static_cast<std::size_t>(part)].parent != 0)
            part = g.names[static_cast<std::size_t>(part)].parent;
        return part;
    };
    std::vector<node_id> levels;
    for (const output_part& p : g.parts) {
        if (p.output != 0 || g.outputs[0].arrangement != layout::rows)
            continue;
        node_id i = p.value;
        while (g[i].inputs[0] >= 0 && top_module(i) == top_module(p.value))
            i = g[i].inputs[0];
        levels.push_back(i);
    }
    return levels;
}

} // namespace fovea::cli
