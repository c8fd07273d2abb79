// Whose names an EfficientNet's weights have, and the same weights in others' names.
#pragma once

#include <fovea/models/efficientnet.hpp>
#include <fovea/models/weight_names.hpp>
#include <fovea/program/runtime_graph.hpp>
#include <fovea/tables/efficientnet.hpp>

#include <optional>
#include <string_view>
#include <utility>

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

// The weights under the names of `table`, for weights in another scheme's; keys that it has not keep their
// names. Throws input_error when the table is wrong, format_error when two keys get one name.
[[gnu::cold]] inline state_dict with_names_of(const tables::efficientnet_table& table,
                                              const state_dict& weights) {
    const auto scheme = efficientnet_names_of(weights);
    if (!scheme || *scheme == table.names)
        return weights;
    const auto keys = [](const tables::efficientnet_table& t) {
        return detail::keys_of(runtime_graph(t).view(), [](const parameter&) { return true; });
    };
    return detail::renamed(weights, detail::pair_names(keys(table.with_names(*scheme)), keys(table)));
}

} // namespace fovea
