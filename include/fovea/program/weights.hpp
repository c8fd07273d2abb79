// From a state dict to a graph's parameters: every key checked, every fault in one message, batch-norm
// folded.
#pragma once

#include <fovea/graph/fuse.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/io/state_dict.hpp>
#include <fovea/program/key_report.hpp>

#include <cmath>
#include <utility>
#include <vector>

namespace fovea {

// How a checkpoint may differ from the model. Anything else is an error.
struct load_options {
    // Layers with one output a class keep zero weights: for a checkpoint with other classes, before training.
    bool skip_heads = false;
    // Keys that the model does not have are ignored, e.g. the classifier when only features are wanted.
    bool ignore_unexpected = false;
    // Class i of the model is class classes[i] of the checkpoint. For SSD heads class 0 is the background:
    // {0, 1, 3} makes a detector of people and cars from a COCO checkpoint.
    std::vector<int> classes{};
    // Names of the model's classes, when they are not a published list; for SSD heads with the background
    // first.
    std::vector<std::string> labels{};
    // Beginnings of keys to replace before anything else: {"0.", "features."}.
    std::vector<std::pair<std::string, std::string>> rename{};
};

// A layer's weights as kernels take them, batch-norm folded in. Owns the numbers.
struct folded_layer {
    std::vector<float> weight; // [out, in / groups, kh, kw]
    std::vector<float> bias;   // [out]
};

// A state dict matched to a graph. Both must outlive it.
class weight_map {
public:
    // Throws weights_error with every missing, unexpected and mis-shaped key.
    weight_map(graph_view g, const state_dict& source, const load_options& options)
        : g_(g), options_(options), entries_(static_cast<std::size_t>(g.size())),
          class_rows_(find_class_rows(g)) {
        rename(source);
        key_report report;
        for_each_parameter(g_, [&](const parameter& p) { match(p, report); });
        if (!options_.ignore_unexpected)
            for (const auto& [key, entry] : by_name_)
                if (!is_quantisation_key(key, *entry))
                    report.unexpected(key, entry->shape);
        report.throw_if_any();
    }

    folded_layer fold(const step& s) const { return fold(s.node, s.norm); }
    folded_layer fold(const stage& s) const { return fold(s.node, s.norm); }

    // Weight and bias of a convolution or linear layer with the batch-norm behind it (or none) folded in (in
    // double, rounded once). Throws weights_error when the result is not finite, naming the module.
    folded_layer fold(node_id operation, node_id norm) const {
        const node& n = g_[operation];
        const auto channels = static_cast<std::size_t>(n.out.channels);
        folded_layer layer;
        if (n.kind == op::batch_norm)
            norm = operation;
        if (n.kind == op::weighted_sum)
            return {sum_weights(operation), {}};
        if (n.kind == op::group_norm)
            layer = {values(operation, parameter_kind::norm_weight),
                     values(operation, parameter_kind::norm_bias)};
        else
            layer = {n.kind == op::batch_norm ? std::vector<float>(channels, 1.0F)
                                              : values(operation, parameter_kind::weight),
                     has(operation, parameter_kind::bias) ? values(operation, parameter_kind::bias)
                                                          : std::vector<float>(channels, 0.0F)};
        if (norm >= 0 && has(norm, parameter_kind::norm_weight))
            fold_norm(layer, norm);
        for (const auto* numbers : {&layer.weight, &layer.bias})
            for (float x : *numbers)
                if (!std::isfinite(x))
                    throw weights_error("the weights of '" + full_name(g_.names, n.name).str() +
                                        "' are not finite (NaN, infinity or a negative variance)");
        return layer;
    }

private:
    static constexpr std::size_t kinds = 8;
    using node_entries = std::array<const tensor*, kinds>;

    // Scales and zero points of activations that quantised checkpoints carry beside their weights.
    static bool is_quantisation_key(std::string_view key, const tensor& t) noexcept {
        const std::string_view last = key.substr(key.rfind('.') + 1);
        return t.values.size() == 1 && (last == "scale" || last == "zero_point");
    }
    // For layers that compute a per-class output: how many numbers each of its rows has; 0 for others.
    static std::vector<int> find_class_rows(graph_view g) {
        std::vector<int> rows(static_cast<std::size_t>(g.size()));
        for (const output_part& part : g.parts) {
            const output& o = g.outputs[static_cast<std::size_t>(part.output)];
            if (o.per_class)
                rows[static_cast<std::size_t>(owner_of(g, part.value))] =
                    o.row > 0 ? o.row : g[part.value].out.channels;
        }
        return rows;
    }
    void rename(const state_dict& source) {
        for (const tensor& t : source) {
            std::string key = t.name;
            for (const auto& [from, to] : options_.rename)
                if (detail::has_prefix(key, from)) {
                    key = to + key.substr(from.size());
                    break;
                }
            by_name_.emplace(std::move(key), &t);
        }
    }
    const tensor* take(const std::string& key) {
        const auto found = by_name_.find(key);
        if (found == by_name_.end())
            return nullptr;
        const tensor* t = found->second;
        by_name_.erase(found);
        return t;
    }

    void match(const parameter& p, key_report& report) {
        const std::string key = key_of(g_, p).str();
        const tensor* t = take(key);
        const bool is_head = class_rows_[static_cast<std::size_t>(p.owner)] > 0;
        if (options_.skip_heads && is_head)
            return;
        if (t == nullptr) {
            if (p.kind != parameter_kind::num_batches_tracked && !is_folded_away(p))
                report.missing(key, expected_shape(p));
            return;
        }
        const bool subset = is_head && !options_.classes.empty();
        if (subset ? !fits_subset(p, *t) : !fits(p, *t))
            report.misshaped(key, expected_shape(p), t->shape);
        entry(p.owner, p.kind) = t;
    }
    // True when a checkpoint has this batch-norm folded into its convolution: a bias there and no parameter
    // here.
    bool is_folded_away(const parameter& p) {
        const node& n = g_[p.owner];
        if (n.kind != op::batch_norm || g_[n.inputs[0]].kind != op::conv2d)
            return false;
        if (g_[n.inputs[0]].bias || g_[n.inputs[0]].shares >= 0) // a bias there says nothing about the norm
            return false;
        const tensor*& bias = entry(n.inputs[0], parameter_kind::bias);
        if (bias == nullptr && p.kind == parameter_kind::norm_weight)
            if (const tensor* t = take(full_name(g_.names, g_[n.inputs[0]].name, "bias").str()))
                if (t->values.size() == static_cast<std::size_t>(n.out.channels))
                    bias = t;
        return bias != nullptr && entry(p.owner, parameter_kind::norm_weight) == nullptr;
    }
    static std::vector<std::size_t> expected_shape(const parameter& p) {
        std::vector<std::size_t> shape;
        for (int i = 0; i < p.dims.rank; ++i)
            shape.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        return shape;
    }
    // The exact shape; for a scalar also [1], as torch takes it.
    static bool fits(const parameter& p, const tensor& t) {
        return t.shape == expected_shape(p) || (p.dims.rank == 0 && t.values.size() == 1);
    }
    // Rows of one output cell in the checkpoint when only some classes are taken.
    bool fits_subset(const parameter& p, const tensor& t) const {
        const auto expected = expected_shape(p);
        const auto row = static_cast<std::size_t>(class_rows_[static_cast<std::size_t>(p.owner)]);
        const std::size_t cells = expected[0] / row;
        if (t.shape.size() != expected.size() || options_.classes.size() != row || t.shape[0] % cells != 0)
            return false;
        for (std::size_t i = 1; i < expected.size(); ++i)
            if (t.shape[i] != expected[i])
                return false;
        for (int c : options_.classes)
            if (c < 0 || static_cast<std::size_t>(c) >= t.shape[0] / cells)
                return false;
        return true;
    }

    const tensor*& entry(node_id i, parameter_kind k) {
        return entries_[static_cast<std::size_t>(i)][static_cast<std::size_t>(k)];
    }
    const tensor* entry(node_id i, parameter_kind k) const {
        return entries_[static_cast<std::size_t>(owner_of(g_, i))][static_cast<std::size_t>(k)];
    }
    bool has(node_id i, parameter_kind k) const { return entry(i, k) != nullptr; }

    // The numbers of one parameter: zeros for a skipped head, chosen rows for a class subset.
    std::vector<float> values(node_id i, parameter_kind k) const {
        i = owner_of(g_, i);
        const tensor* t = entry(i, k);
        const int row = class_rows_[static_cast<std::size_t>(i)];
        if (t == nullptr) {
            std::size_t size = 0;
            for_each_parameter(g_, i, [&](const parameter& p) {
                if (p.kind == k)
                    size = static_cast<std::size_t>(p.dims.size());
            });
            return std::vector<float>(size, 0.0F);
        }
        if (row == 0 || options_.classes.empty())
            return t->values;
        const std::size_t cells = static_cast<std::size_t>(g_[i].out.channels / row);
        const std::size_t source_row = t->shape[0] / cells, width = t->values.size() / t->shape[0];
        std::vector<float> chosen;
        for (std::size_t cell = 0; cell < cells; ++cell)
            for (int c : options_.classes) {
                const float* first =
                    t->values.data() + (cell * source_row + static_cast<std::size_t>(c)) * width;
                chosen.insert(chosen.end(), first, first + width);
            }
        return chosen;
    }
    // What a weighted sum's factors are made of. Throws weights_error when a number is not finite.
    std::vector<float> sum_weights(node_id i) const {
        if (g_[i].factors == weighting::none)
            return std::vector<float>(static_cast<std::size_t>(count_summands(g_[i])), 1.0F);
        const std::vector<float> weights = values(i, parameter_kind::sum_weight);
        for (float x : weights)
            if (!std::isfinite(x))
                throw weights_error("the weights '" + full_name(g_.names, g_[i].name).str() +
                                    "' of a sum are not finite (NaN or infinity)");
        return weights;
    }
    void fold_norm(folded_layer& layer, node_id norm) const {
        const auto gamma = values(norm, parameter_kind::norm_weight),
                   beta = values(norm, parameter_kind::norm_bias);
        const auto mean = values(norm, parameter_kind::running_mean),
                   var = values(norm, parameter_kind::running_var);
        const std::size_t products = layer.weight.size() / gamma.size();
        for (std::size_t c = 0; c < gamma.size(); ++c) {
            const double scale =
                gamma[c] / std::sqrt(static_cast<double>(var[c]) + static_cast<double>(g_[norm].epsilon));
            for (std::size_t i = 0; i < products; ++i)
                layer.weight[c * products + i] = static_cast<float>(layer.weight[c * products + i] * scale);
            layer.bias[c] = static_cast<float>(beta[c] + (layer.bias[c] - mean[c]) * scale);
        }
    }

    graph_view g_;
    const load_options& options_;
    std::map<std::string, const tensor*, std::less<>> by_name_; // what is not matched yet
    std::vector<node_entries> entries_;                         // by node and parameter kind
    std::vector<int> class_rows_;
};

} // namespace fovea
