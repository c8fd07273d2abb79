// What a network is for one input size, batch and number of workers: shapes, places, geometry and sizes of
// memory.
#pragma once

#include <fovea/program/layers.hpp>
#include <fovea/program/outputs.hpp>
#include <fovea/program/program_view.hpp>
#include <fovea/program/replan.hpp>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

FOVEA_ARCH_NAMESPACE_BEGIN

struct planned_network {
    int batch = 0;
    bool keep_values = false;
    std::vector<shape> shapes;        // by node
    std::vector<memory_place> places; // by node
    std::vector<layer> layers;        // by step
    std::size_t scratch_at = 0;       // in the arena
    std::size_t arena_floats = 0;     // with every worker's scratch memory
    // Of an image of bytes as floats; 0 where every kernel that reads the image takes bytes.
    std::size_t converted_floats = 0;
};

// Floats of arena, scratch memory and outputs together that a network is planned for: 8 GiB.
inline constexpr std::size_t max_network_floats = std::size_t{1} << 31;

namespace kernel_detail {

// floats + count * each, count > 0, without overflow. Throws input_error above max_network_floats.
inline std::size_t sum_below_limit(std::size_t floats, std::size_t each, int count) {
    const auto n = static_cast<std::size_t>(count);
    if (floats > max_network_floats || each > (max_network_floats - floats) / n)
        throw input_error("the network would need memory for " + std::to_string(floats) + " + " +
                          std::to_string(n) + " * " + std::to_string(each) +
                          " numbers at this size, batch and number of workers; expected at most " +
                          std::to_string(max_network_floats));
    return floats + n * each;
}

// Scratch memory of one worker.
inline std::size_t scratch_floats(const program_view& program, span<const layer> layers) noexcept {
    std::size_t floats = 0;
    for (std::size_t s = 0; s < layers.size(); ++s)
        floats = std::max(floats, program.kernels[s].scratch_floats(layers[s], program.steps[s].gate >= 0));
    return whole_cache_lines(floats);
}

inline bool reads_bytes(const program_view& program, span<const memory_place> places) noexcept {
    bool all = places[0].where == place::input;
    for (std::size_t s = 0; s < program.steps.size(); ++s)
        all = all && (program.steps[s].input != 0 || program.kernels[s].reads_bytes);
    return all;
}

} // namespace kernel_detail

// Images of height x width pixels. Throws input_error when the network cannot take them or would need more
// than max_network_floats.
inline planned_network plan_network(const program_view& program, int batch, int height, int width,
                                    bool keep_values, int workers) {
    if (batch < 1)
        throw input_error("a batch of " + std::to_string(batch) + " images; expected at least 1");
    runtime_plan memory = plan_for(program.graph, program.steps, height, width, keep_values);
    planned_network p;
    p.batch = batch;
    p.keep_values = keep_values;
    p.shapes = std::move(memory.shapes);
    p.places = std::move(memory.places);
    for (const step& s : program.steps)
        p.layers.push_back(layer_of(program.graph, s, p.shapes, p.places));
    p.scratch_at = memory.floats;
    p.arena_floats = kernel_detail::sum_below_limit(
        memory.floats, kernel_detail::scratch_floats(program, p.layers), workers);
    p.converted_floats = kernel_detail::reads_bytes(program, p.places) ? 0 : p.shapes[0].size();
    std::size_t floats = kernel_detail::sum_below_limit(p.arena_floats, p.converted_floats, 1);
    for (std::size_t i = 0; i < program.graph.outputs.size(); ++i)
        floats = kernel_detail::sum_below_limit(
            floats, output_floats(program.graph, p.shapes, static_cast<int>(i)), batch);
    return p;
}

FOVEA_ARCH_NAMESPACE_END
