// A graph's parameters and buffers between the flat arrays that training computes on and a state dict.
#pragma once

#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>
#include <fovea/program/key_report.hpp>
#include <fovea/tensor/view.hpp>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

namespace fovea {

// Numbers in a graph's buffers: running means and variances and one counter a batch-norm.
constexpr std::int64_t count_buffers(graph_view g) {
    std::int64_t count = 0;
    for_each_parameter(g, [&](const parameter& p) { count += is_buffer(p.kind) ? p.dims.size() : 0; });
    return count;
}

namespace detail {

// Calls use(parameter, its first place in its flat array). Order: for_each_parameter's.
template <class Use>
void for_each_flat(graph_view g, Use&& use) {
    std::size_t learnable = 0, buffer = 0;
    for_each_parameter(g, [&](const parameter& p) {
        std::size_t& place = is_buffer(p.kind) ? buffer : learnable;
        use(p, place);
        place += static_cast<std::size_t>(p.dims.size());
    });
}

inline std::vector<std::size_t> extents_of(const parameter& p) {
    return {p.dims.extents.begin(), p.dims.extents.begin() + p.dims.rank};
}

inline void check_flat_sizes(graph_view g, std::size_t parameters, std::size_t buffers) {
    const auto check = [](const char* what, std::size_t found, std::int64_t expected) {
        if (found != static_cast<std::size_t>(expected))
            throw input_error(std::string("expected ") + std::to_string(expected) + " " + what + ", found " +
                              std::to_string(found));
    };
    check("parameters", parameters, count_parameters(g));
    check("numbers of buffers", buffers, count_buffers(g));
}

} // namespace detail

// parameters: [count_parameters(g)], buffers: [count_buffers(g)], both in for_each_parameter's order and in
// torch's layouts. num_batches_tracked becomes an int64 entry. Throws input_error for other sizes.
inline state_dict to_state_dict(graph_view g, span<const float> parameters, span<const float> buffers) {
    detail::check_flat_sizes(g, parameters.size(), buffers.size());
    state_dict weights;
    detail::for_each_flat(g, [&](const parameter& p, std::size_t place) {
        const auto values = (is_buffer(p.kind) ? buffers : parameters)
                                .subspan(place, static_cast<std::size_t>(p.dims.size()));
        weights.insert({key_of(g, p).str(),
                        p.kind == parameter_kind::num_batches_tracked ? dtype::int64 : dtype::float32,
                        detail::extents_of(p), std::vector<float>(values.begin(), values.end())});
    });
    return weights;
}

// The way back. A missing num_batches_tracked leaves its number alone. Throws weights_error with every
// missing, unexpected and mis-shaped key, and changes nothing then; input_error for other sizes.
inline void from_state_dict(graph_view g, const state_dict& weights, span<float> parameters,
                            span<float> buffers) {
    detail::check_flat_sizes(g, parameters.size(), buffers.size());
    key_report report;
    std::set<std::string, std::less<>> known;
    detail::for_each_flat(g, [&](const parameter& p, std::size_t) {
        const std::string key = key_of(g, p).str();
        const auto expected = detail::extents_of(p);
        known.insert(key);
        if (const tensor* found = weights.find(key)) {
            const bool is_scalar = expected.empty() && found->values.size() == 1; // torch takes [1] for it, too
            if (found->shape != expected && !is_scalar)
                report.misshaped(key, expected, found->shape);
        } else if (p.kind != parameter_kind::num_batches_tracked) {
            report.missing(key, expected);
        }
    });
    for (const tensor& entry : weights)
        if (known.count(entry.name) == 0)
            report.unexpected(entry.name, entry.shape);
    report.throw_if_any();
    detail::for_each_flat(g, [&](const parameter& p, std::size_t place) {
        if (const tensor* found = weights.find(key_of(g, p).str()))
            std::copy(found->values.begin(), found->values.end(),
                      (is_buffer(p.kind) ? buffers : parameters).begin() + place);
    });
}

} // namespace fovea
