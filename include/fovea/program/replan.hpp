// The plan for an input size that is only known at run time: the same constexpr passes, called then.
#pragma once

#include <fovea/error.hpp>
#include <fovea/graph/infer.hpp>
#include <fovea/graph/plan.hpp>

#include <memory>
#include <string>
#include <vector>

namespace fovea {

// Nodes that a graph may have to be planned or built at run time. EfficientDet-D7x has about 2000.
inline constexpr std::size_t max_runtime_nodes = 4096;

// Shapes and places of all values, by node, and the floats of the arena.
struct runtime_plan {
    std::vector<shape> shapes;
    std::vector<memory_place> places;
    std::size_t floats = 0;
};

// The shape of every node's value. Throws input_error when the network cannot take an image of height x width
// pixels.
inline std::vector<shape> shapes_for(graph_view g, int height, int width) {
    const auto size = [&] { return std::to_string(height) + "x" + std::to_string(width); };
    constexpr int largest_side = 1 << 15;
    if (height < 1 || width < 1 || height > largest_side || width > largest_side)
        throw input_error("an input of " + size() + " pixels; expected 1x1 to " +
                          std::to_string(largest_side) + "x" + std::to_string(largest_side));
    std::vector<shape> shapes(g.nodes.size());
    const fault_report f = infer_shapes(g, height, width, shapes);
    if (f.kind != fault::none)
        throw input_error("the network cannot take an input of " + size() + " pixels: node " +
                          std::to_string(f.node) + " '" + full_name(g.names, g[f.node].name).str() +
                          "': " + std::string(explain(f.kind)) + "; got " + std::to_string(f.got) +
                          ", want " + std::to_string(f.want));
    for (const shape& s : shapes)
        if (s.size() > (std::size_t{1} << 31))
            throw input_error("an input of " + size() + " pixels makes a map of " + std::to_string(s.size()) +
                              " numbers; expected at most 2^31");
    return shapes;
}

// Throws input_error as shapes_for() does.
inline runtime_plan plan_for(graph_view g, span<const step> steps, int height, int width,
                             bool keep_values = false) {
    runtime_plan plan;
    plan.shapes = shapes_for(g, height, width);
    const auto places = std::make_unique<memory_plan<max_runtime_nodes>>();
    plan_memory(g, steps, plan.shapes, *places, keep_values);
    plan.places.assign(places->values.begin(),
                       places->values.begin() + static_cast<std::ptrdiff_t>(g.nodes.size()));
    plan.floats = places->floats;
    return plan;
}

} // namespace fovea
