// How parts make up a network's outputs: one behind the other within each image's numbers.
#pragma once

#include <fovea/graph/graph.hpp>

namespace fovea {

// Numbers of output `output` for one image. `shapes` by node.
constexpr std::size_t output_floats(graph_view g, span<const shape> shapes, int output) noexcept {
    std::size_t floats = 0;
    for (const output_part& p : g.parts)
        if (p.output == output)
            floats += shapes[static_cast<std::size_t>(p.value)].size();
    return floats;
}

// Where output part `part` begins within an image's numbers of its output.
constexpr std::size_t part_offset(graph_view g, span<const shape> shapes, int part) noexcept {
    std::size_t offset = 0;
    for (int i = 0; i < part; ++i)
        if (g.parts[static_cast<std::size_t>(i)].output == g.parts[static_cast<std::size_t>(part)].output)
            offset += shapes[static_cast<std::size_t>(g.parts[static_cast<std::size_t>(i)].value)].size();
    return offset;
}

} // namespace fovea
