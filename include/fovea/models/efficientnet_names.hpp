// Whose names an EfficientNet's weights have, and the same weights in others' names.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>
#include <fovea/models/efficientnet.hpp>
#include <fovea/program/runtime_graph.hpp>
#include <fovea/tables/efficientnet.hpp>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace fovea {

// By the stem's convolution, which every scheme calls something else; nullopt when none of them fits. For
// efficientnet_table::with_names().
inline std::optional<tables::efficientnet_names> efficientnet_names_of(const state_dict& weights) {
    using names = tables::efficientnet_names;
    constexpr std::pair<std::string_view, names> stems[] = {{"features.0.0.weight", names::torchvision},
                                                            {"_conv_stem.weight", names::port},
                                                            {"_conv_stem.conv.weight", names::zylo117},
                                                            {"conv_stem.weight", names::timm}};
    for (const auto& [key, scheme] : stems)
        if (weights.find(key) != nullptr)
            return scheme;
    return std::nullopt;
}

namespace efficientnet_detail {

// All keys in the graph's order, which is the same for all schemes.
inline std::vector<std::string> keys_of(graph_view g) {
    std::vector<std::string> keys;
    for_each_parameter(g, [&](const parameter& p) { keys.push_back(key_of(g, p).str()); });
    return keys;
}

} // namespace efficientnet_detail

// The weights under the names of `table`, for weights in another scheme's; keys that it has not keep their names.
// Throws input_error when the table is wrong, format_error when two keys get one name.
inline state_dict with_names_of(const tables::efficientnet_table& table, const state_dict& weights) {
    const auto scheme = efficientnet_names_of(weights);
    if (!scheme || *scheme == table.names)
        return weights;
    const auto to = efficientnet_detail::keys_of(runtime_graph(table).view()),
               from = efficientnet_detail::keys_of(runtime_graph(table.with_names(*scheme)).view());
    std::map<std::string, std::string> names;
    for (std::size_t i = 0; i < from.size(); ++i)
        names.emplace(from[i], to[i]);
    state_dict renamed;
    for (const tensor& entry : weights) {
        tensor copy = entry;
        if (const auto found = names.find(entry.name); found != names.end())
            copy.name = found->second;
        renamed.insert(std::move(copy));
    }
    return renamed;
}

} // namespace fovea
