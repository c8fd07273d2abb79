// Compiled once for each instruction set, as the function FOVEA_UNIT.
#include <everything.hpp>

#include "unit.hpp"

namespace {

constexpr auto narrow =
    fovea::tables::mobilenet_v3_small.with_width(0.35).with_classes(10).with_input(40, 56);

// Numbers in (-0.2, 0.2) for weights, and statistics that leave the values' scale.
fovea::state_dict weights_for(fovea::graph_view g) {
    fovea::state_dict weights;
    unsigned state = 1;
    fovea::for_each_parameter(g, [&](const fovea::parameter& p) {
        fovea::tensor t;
        t.name = key_of(g, p).str();
        for (int i = 0; i < p.dims.rank; ++i)
            t.shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        for (std::int64_t i = 0; i < p.dims.size(); ++i) {
            state = state * 1664525U + 1013904223U;
            const float number = static_cast<float>(state >> 8U) / 16777216.0F - 0.5F;
            const bool positive =
                p.kind == fovea::parameter_kind::running_var || p.kind == fovea::parameter_kind::norm_weight;
            t.values.push_back(positive ? 1 + number : number * 0.4F);
        }
        weights.insert(std::move(t));
    });
    return weights;
}

} // namespace

unit_result FOVEA_UNIT() {
    using net = fovea::mobilenet_v3_small<narrow>;
    fovea::network network(net::program(), weights_for(net::graph));
    std::vector<float> image(network.input_shape().size());
    for (std::size_t i = 0; i < image.size(); ++i)
        image[i] = static_cast<float>(i % 23) / 11.5F - 1;
    network.forward(image.data());
    return {fovea::arch_name, {network.output(0).begin(), network.output(0).end()}};
}
