// Graphs of the zoo for tests of training's parts: no kernels are compiled.
#pragma once

#include <fovea/graph/builder.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/ssdlite.hpp>

namespace fovea::test {

// The graph of a table with static storage duration.
template <const auto& Table>
graph_view graph_of() {
    static const auto built = [] {
        builder<node_capacity(Table)> b;
        build_graph(b, Table);
        return b;
    }();
    return built.view();
}

} // namespace fovea::test
