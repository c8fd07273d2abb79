// Weights under other names: what models whose references name one network differently share.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace fovea::detail {

// Keys in the graph's order of the parameters for which wanted(parameter) is true.
template <class Wanted>
std::vector<std::string> keys_of(graph_view g, const Wanted& wanted) {
    std::vector<std::string> keys;
    for_each_parameter(g, [&](const parameter& p) {
        if (wanted(p))
            keys.push_back(key_of(g, p).str());
    });
    return keys;
}

// New names by the old ones: both lists are in the order of one network, and of one length.
inline std::map<std::string, std::string> pair_names(const std::vector<std::string>& from,
                                                     const std::vector<std::string>& to) {
    std::map<std::string, std::string> names;
    for (std::size_t i = 0; i < from.size(); ++i)
        names.emplace(from[i], to[i]);
    return names;
}

// Entries that `names` does not know keep their names; those whose new name is empty are left out. Throws
// format_error when two entries get one name.
inline state_dict renamed(const state_dict& weights, const std::map<std::string, std::string>& names) {
    state_dict result;
    for (const tensor& entry : weights) {
        tensor copy = entry;
        if (const auto found = names.find(entry.name); found != names.end())
            copy.name = found->second;
        if (!copy.name.empty())
            result.insert(std::move(copy));
    }
    return result;
}

} // namespace fovea::detail
