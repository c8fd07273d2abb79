// From a graph to the ranges of its flat parameter array: weight decay, freezing and learning rates by kind
// and by key.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/train/key_prefix.hpp>
#include <fovea/train/optimizer/parameter_range.hpp>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// How the parameters of a network are optimized. Prefixes are those of has_key_prefix(); of several that fit
// a key the longest counts, of equal ones the last.
struct parameter_grouping {
    float weight_decay = 0;
    // torchvision's --norm-weight-decay and --bias-weight-decay: decay of gammas and betas, and of every
    // "bias" (betas too, where both are set). Unset: weight_decay.
    std::optional<float> norm_weight_decay{};
    std::optional<float> bias_weight_decay{};
    std::vector<std::string> frozen{};
    std::vector<std::pair<std::string, float>> learning_rate_scales{};
};

namespace detail {

inline void check_prefix_used(const std::string& prefix, bool used) {
    if (!used)
        throw input_error("no parameter has a key that begins with '" + prefix + "'");
}

inline float decay_of(const parameter_grouping& grouping, parameter_kind kind) noexcept {
    const bool norm = kind == parameter_kind::norm_weight || kind == parameter_kind::norm_bias;
    const bool bias = kind == parameter_kind::bias || kind == parameter_kind::norm_bias;
    if (bias && grouping.bias_weight_decay)
        return *grouping.bias_weight_decay;
    return norm && grouping.norm_weight_decay ? *grouping.norm_weight_decay : grouping.weight_decay;
}

} // namespace detail

// Ranges of the learnable parameters in for_each_parameter's order; neighbours that are treated alike are
// one. Throws input_error for a prefix that no parameter's key has, and as check_ranges().
inline std::vector<parameter_range> group_parameters(graph_view g, const parameter_grouping& grouping) {
    std::vector<parameter_range> ranges;
    std::vector<bool> frozen_used(grouping.frozen.size()), scale_used(grouping.learning_rate_scales.size());
    std::size_t offset = 0;
    for_each_parameter(g, [&](const parameter& p) {
        if (is_buffer(p.kind))
            return;
        const fixed_name name = key_of(g, p);
        const std::string_view key = name.view();
        const auto size = static_cast<std::size_t>(p.dims.size());
        parameter_range range{offset, size, detail::decay_of(grouping, p.kind)};
        for (std::size_t i = 0; i < grouping.frozen.size(); ++i)
            if (has_key_prefix(key, grouping.frozen[i]))
                range.frozen = frozen_used[i] = true;
        std::size_t longest = 0;
        for (std::size_t i = 0; i < grouping.learning_rate_scales.size(); ++i) {
            const auto& [prefix, scale] = grouping.learning_rate_scales[i];
            if (!has_key_prefix(key, prefix))
                continue;
            scale_used[i] = true;
            if (prefix.size() >= longest) {
                longest = prefix.size();
                range.learning_rate_scale = scale;
            }
        }
        if (!ranges.empty() && ranges.back().same_treatment(range))
            ranges.back().size += size;
        else
            ranges.push_back(range);
        offset += size;
    });
    for (std::size_t i = 0; i < grouping.frozen.size(); ++i)
        detail::check_prefix_used(grouping.frozen[i], frozen_used[i]);
    for (std::size_t i = 0; i < scale_used.size(); ++i)
        detail::check_prefix_used(grouping.learning_rate_scales[i].first, scale_used[i]);
    check_ranges(ranges);
    return ranges;
}

// The state-dict key of the parameter at a place of the flat array, to name the layer where a gradient went
// wrong. Empty behind the last one.
inline std::string key_at(graph_view g, std::size_t place) {
    std::string key;
    std::size_t end = 0;
    for_each_parameter(g, [&](const parameter& p) {
        if (is_buffer(p.kind) || !key.empty())
            return;
        end += static_cast<std::size_t>(p.dims.size());
        if (place < end)
            key = key_of(g, p).str();
    });
    return key;
}

} // namespace fovea
