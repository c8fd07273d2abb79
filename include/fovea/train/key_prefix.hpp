// Which parameters the caller means by the beginning of their state-dict keys, as --freeze and recipes name
// them.
#pragma once

#include <string_view>

namespace fovea {

// Whether the key is the prefix, or a child of that module: "backbone.features.1" is a prefix of
// "backbone.features.1.0.weight" and not of "backbone.features.10.0.weight". The empty prefix is one of every
// key. A dot at the prefix's end changes nothing.
constexpr bool has_key_prefix(std::string_view key, std::string_view prefix) noexcept {
    if (!prefix.empty() && prefix.back() == '.')
        prefix.remove_suffix(1);
    if (prefix.empty())
        return true;
    return key.substr(0, prefix.size()) == prefix &&
           (key.size() == prefix.size() || key[prefix.size()] == '.');
}

} // namespace fovea
