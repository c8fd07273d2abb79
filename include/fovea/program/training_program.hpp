// The training program of a model type: its steps, forward/backward kernels and memory as constants.
#pragma once

#include <fovea/kernels/training_registry.hpp>
#include <fovea/program/program.hpp>
#include <fovea/program/training_memory.hpp>

#include <type_traits>
#include <utility>

namespace fovea {

namespace detail {

template <class Table, class = void>
struct has_norm_momentum : std::false_type {};
template <class Table>
struct has_norm_momentum<Table, std::void_t<decltype(std::declval<const Table&>().norm_momentum)>> : std::true_type {};

} // namespace detail

// torch's momentum of a table's batch-norms: its own, else its backbone's.
template <class Table>
constexpr float norm_momentum_of(const Table& t) noexcept {
    if constexpr (detail::has_norm_momentum<Table>::value)
        return t.norm_momentum;
    else
        return t.backbone.norm_momentum;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// What a training network is made of; a training_model has it as constants, a graph built at run time owns it. Must
// outlive networks.
struct training_program_view {
    graph_view graph;
    span<const training_step> steps;
    span<const training_kernel> kernels; // one a step
    float norm_momentum = 0.1F;          // of batch-norms, in torch's sense; below 0: a cumulative average
};

namespace kernel_detail {

template <const auto& Table>
struct compiled_training {
    using compiled = fovea::detail::compiled_graph<Table>;
    static constexpr graph_view view = compiled::view;
    static constexpr std::size_t capacity = view.nodes.size();
    static constexpr auto list = fuse_training<capacity>(view);
    static constexpr auto steps = fovea::detail::first_of<training_step, const training_step, list.count>(list.view());
};

template <class Compiled, std::size_t... I>
constexpr std::array<training_kernel, sizeof...(I)> pick_training_kernels(std::index_sequence<I...>) noexcept {
    return {{training_kernel_for<select_training_kernel(Compiled::view, Compiled::steps[I].node)>()...}};
}

// One pair of kernels a step, chosen at compile time: only these are compiled into the program.
template <class Compiled>
inline constexpr auto training_kernels_of =
    pick_training_kernels<Compiled>(std::make_index_sequence<Compiled::steps.size()>{});

} // namespace kernel_detail

// The training side of a model type (fovea::model, or anything with a `table`).
//     using training = fovea::training_model<fovea::ssdlite320_mobilenet_v3_large<>>;
//     fovea::training_network net(training::program(), {8});
template <class Model>
struct training_model {
    using compiled = kernel_detail::compiled_training<Model::table>;

    static training_program_view program() noexcept {
        return {compiled::view, compiled::steps, kernel_detail::training_kernels_of<compiled>,
                norm_momentum_of(Model::table)};
    }

    // What training_network::workspace_bytes() will be for one worker, at the graph's own input size.
    template <int Batch, bool Recomputes = false>
    static constexpr std::size_t workspace_bytes() noexcept {
        constexpr auto& shapes = compiled::compiled::shapes;
        constexpr auto plan = plan_training<compiled::capacity>(compiled::view, compiled::steps, shapes,
                                                                {Batch, Recomputes, false});
        const auto layer_of = [&](int s) {
            return training_layer_of(compiled::view, compiled::steps[static_cast<std::size_t>(s)], shapes,
                                     plan.values, Batch);
        };
        const training_memory m = lay_out_training(plan, kernel_detail::training_kernels_of<compiled>, Batch, 1,
                                                   layer_of, [](std::size_t, std::size_t, std::size_t) {});
        return sizeof(float) * m.all;
    }
};

FOVEA_ARCH_NAMESPACE_END
