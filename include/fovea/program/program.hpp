// The program: the graph's steps, their kernels and the memory plan as constants of a model type.
#pragma once

#include <fovea/graph/build.hpp>
#include <fovea/graph/cost.hpp>
#include <fovea/graph/fuse_blocks.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/kernels/registry.hpp>
#include <fovea/program/layers.hpp>

#include <utility>

namespace fovea {

namespace detail {

template <class To, class From, std::size_t N>
constexpr std::array<To, N> first_of(span<const From> from) noexcept {
    std::array<To, N> to{};
    for (std::size_t i = 0; i < N; ++i)
        to[i] = from[i];
    return to;
}

// The builder's content in arrays of the right size.
template <std::size_t Nodes, std::size_t Names, std::size_t Outputs, std::size_t Parts>
constexpr graph<Nodes, Names, Outputs, Parts> trim(graph_view g) noexcept {
    return {first_of<node, const node, Nodes>(g.nodes), first_of<name_part, const name_part, Names>(g.names),
            first_of<output, const output, Outputs>(g.outputs),
            first_of<output_part, const output_part, Parts>(g.parts)};
}

// Everything the compiler works out from a table, each stage a constant of its own.
template <const auto& Table>
struct compiled_graph {
    static constexpr auto built = build<Table>();
    static constexpr fault_report first_fault = built.first_fault();
    static_assert(graph_error<first_fault.kind, first_fault.node, first_fault.got, first_fault.want>::ok);

    static constexpr graph_view built_view = built.view();
    static constexpr auto graph = trim<built_view.nodes.size(), built_view.names.size(),
                                       built_view.outputs.size(), built_view.parts.size()>(built_view);
    static constexpr graph_view view = graph;

    static constexpr std::size_t capacity = view.nodes.size() + view.parts.size();
    static constexpr auto layers = fuse<capacity>(view);
    static constexpr auto fused = fuse_blocks<capacity>(view, layers.view());
    static constexpr auto steps = first_of<step, const step, fused.count>(fused.view());

    static constexpr auto shapes = [] {
        std::array<shape, view.nodes.size()> s{};
        for (std::size_t i = 0; i < s.size(); ++i)
            s[i] = view.nodes[i].out;
        return s;
    }();
    static constexpr auto plan = [] {
        memory_plan<capacity> p;
        plan_memory(view, steps, shapes, p);
        return p;
    }();
};

} // namespace detail
} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

template <class Compiled, std::size_t... I>
constexpr std::array<kernel, sizeof...(I)> pick_kernels(std::index_sequence<I...>) noexcept {
    return {{kernel_for<select_kernel(Compiled::view, Compiled::steps[I])>()...}};
}

// One kernel a step, chosen at compile time: only these are compiled into the program.
template <class Compiled>
inline constexpr auto program_of = pick_kernels<Compiled>(std::make_index_sequence<Compiled::steps.size()>{});

// Floats of all packed weights.
template <class Compiled>
constexpr std::size_t packed_floats() noexcept {
    std::size_t floats = 0;
    for (std::size_t s = 0; s < Compiled::steps.size(); ++s)
        floats += whole_cache_lines(
            program_of<Compiled>[s].packed_floats(layer_channels(Compiled::view, Compiled::steps[s])));
    return floats;
}

// Floats of the arena and one worker's scratch memory.
template <class Compiled>
constexpr std::size_t workspace_floats() noexcept {
    std::size_t scratch = 0;
    for (std::size_t s = 0; s < Compiled::steps.size(); ++s) {
        const step& p = Compiled::steps[s];
        const layer l = layer_of(Compiled::view, p, Compiled::shapes, Compiled::plan.values);
        scratch = std::max(scratch, program_of<Compiled>[s].scratch_floats(l, p.gate >= 0));
    }
    return Compiled::plan.floats + whole_cache_lines(scratch);
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
