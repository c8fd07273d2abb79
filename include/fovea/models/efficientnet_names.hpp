// Whose names an EfficientNet's weights have.
#pragma once

#include <fovea/io/state_dict.hpp>
#include <fovea/tables/efficientnet.hpp>

#include <optional>

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

} // namespace fovea
