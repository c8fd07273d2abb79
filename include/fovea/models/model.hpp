// A model type: a table and everything the compiler knows about the network that it describes.
#pragma once

#include <fovea/program/network.hpp>
#include <fovea/program/program.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// The facts of a network as constants. Table: a constexpr object of one of the table types with static
// storage.
template <const auto& Table>
struct model {
    using compiled = fovea::detail::compiled_graph<Table>;

    static constexpr const auto& table = Table;
    // Nodes, names, outputs; every layer's shape is graph[i].out, its parameters come from
    // for_each_parameter().
    static constexpr graph_view graph = compiled::view;
    static constexpr std::int64_t parameter_count = count_parameters(graph); // learnable, without buffers
    static constexpr std::int64_t macs = count_macs(graph);                  // convolutions and linear layers
    static constexpr std::size_t parameter_bytes = sizeof(float) * static_cast<std::size_t>(parameter_count);
    static constexpr std::size_t packed_weight_bytes =
        sizeof(float) * kernel_detail::packed_floats<compiled>();
    static constexpr std::size_t workspace_bytes =
        sizeof(float) * kernel_detail::workspace_floats<compiled>();

    // What a network runs: the kernels picked for this graph and no others.
    static program_view program() noexcept {
        return {graph, compiled::steps, kernel_detail::program_of<compiled>};
    }
};

FOVEA_ARCH_NAMESPACE_END
