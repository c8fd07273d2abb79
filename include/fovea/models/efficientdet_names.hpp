// Weights of one EfficientDet port for a table in the other port's names.
#pragma once

#include <fovea/models/efficientdet.hpp>
#include <fovea/models/weight_names.hpp>
#include <fovea/program/runtime_graph.hpp>

#include <optional>
#include <string>
#include <vector>

namespace fovea {

// Whose names the weights of an EfficientDet have, by the first convolution; nullopt when it is no one's. For
// efficientdet_table::with_names().
inline std::optional<tables::efficientdet_names> efficientdet_names_of(const state_dict& weights) {
    if (weights.contains("backbone_net.model._conv_stem.conv.weight"))
        return tables::efficientdet_names::zylo117;
    if (weights.contains("backbone.conv_stem.weight"))
        return tables::efficientdet_names::effdet;
    return std::nullopt;
}

namespace efficientdet_detail {

// zylo117 has weights of sums that nothing reads; effdet has not.
inline bool is_unused(graph_view g, const parameter& p) noexcept {
    return p.kind == parameter_kind::sum_weight && g[p.owner].factors == weighting::none;
}

} // namespace efficientdet_detail

// The weights under the names of `table`, for weights in the other port's: graphs of both schemes have their
// parameters in one order. Weights of sums that nothing reads come or go as the table's port has them; keys
// that neither has keep their names. Throws input_error when the table is wrong, format_error when a file has
// names of both, and weights_error when the ports build different networks of the table: effdet has no
// convolution for a map of the backbone that has the pyramid's channels already, zylo117 has.
[[gnu::cold]] inline state_dict with_names_of(const tables::efficientdet_table& table,
                                              const state_dict& weights) {
    const auto scheme = efficientdet_names_of(weights);
    if (!scheme || *scheme == table.names)
        return weights;
    const runtime_graph own(table), other(table.with_names(*scheme));
    const auto used_keys = [](graph_view g) {
        return detail::keys_of(g, [&](const parameter& p) { return !efficientdet_detail::is_unused(g, p); });
    };
    const auto to = used_keys(own.view()), from = used_keys(other.view());
    if (to.size() != from.size())
        throw weights_error(
            "weights of the other EfficientDet port: one that convolves all maps of the backbone "
            "and one that leaves out those of " +
            std::to_string(table.channels) + " channels are different networks");
    auto names = detail::pair_names(from, to);
    for_each_parameter(other.view(), [&](const parameter& p) {
        if (efficientdet_detail::is_unused(other.view(), p))
            names.emplace(key_of(other.view(), p).str(), std::string());
    });
    state_dict renamed = detail::renamed(weights, names);
    for_each_parameter(own.view(), [&](const parameter& p) {
        const auto size = static_cast<std::size_t>(p.dims.size());
        if (efficientdet_detail::is_unused(own.view(), p))
            renamed.insert(
                {key_of(own.view(), p).str(), dtype::float32, {size}, std::vector<float>(size, 1.0F)});
    });
    return renamed;
}

} // namespace fovea
