// A feature pyramid out of cells that are data (tables/pyramid_cells.hpp): Tan et al. 2020, section 3.
#pragma once

#include <fovea/blocks/pyramid_names.hpp>

namespace fovea::blocks {

// The maps of all levels, from fine to coarse.
using pyramid_maps = std::array<node_id, tables::max_pyramid_levels>;

// What a node needs to know besides its inputs.
struct pyramid_settings {
    int channels = 64;
    pool_border border = pool_border::zero;
    bool tf_same = true;
    bool pointwise_bias = true;
    float epsilon = 1e-3F;
    tables::efficientdet_names names = tables::efficientdet_names::zylo117;

    constexpr bool is_zylo117() const noexcept { return names == tables::efficientdet_names::zylo117; }
};

// A map at a level that is `steps` coarser: a max pool 2^steps wide and one more.
template <class Builder>
constexpr node_id coarser(Builder& b, node_id x, int name, int steps, const pyramid_settings& s) noexcept {
    const int stride = 1 << steps;
    return b.max_pool(x, name, padded_window(s.tf_same, stride + 1, stride), false, s.border);
}

// Nearest neighbours, `steps` levels finer.
template <class Builder>
constexpr node_id finer(Builder& b, node_id x, int name, int steps) noexcept {
    resize_method nearest;
    nearest.mode = resize_method::mode_type::nearest;
    return b.resize_by(x, name, 1 << steps, nearest);
}

// A map of the backbone with the pyramid's channels: convolution 1x1 and batch-norm. effdet leaves them out
// where there is nothing to change.
template <class Builder>
constexpr node_id lateral(Builder& b, node_id x, int name, const pyramid_settings& s) noexcept {
    if (!s.is_zylo117() && b.channels(x) == s.channels)
        return x;
    const conv_norm_names names = name_lateral(b, name, s.names);
    x = b.conv2d(x, names.conv, s.channels, window{}, 1, s.pointwise_bias);
    return b.batch_norm(x, names.norm, s.epsilon);
}

// The levels above the backbone's last, each a max pool of the one before; the first gets the pyramid's
// channels first. `given` levels of `maps` are there, `levels` are wanted. `parent`: effdet's "fpn",
// zylo117's first cell.
template <class Builder>
constexpr void add_coarse_levels(Builder& b, pyramid_maps& maps, int given, int levels, int min_level,
                                 int parent, const pyramid_settings& s) noexcept {
    const int resample = s.is_zylo117() ? parent : b.child(parent, "resample");
    for (int l = given; l < levels; ++l) {
        const auto at = static_cast<std::size_t>(l);
        const int name = s.is_zylo117() ? b.child(resample, label_of(next_level_labels, min_level + l - 1))
                                        : b.child(resample, l);
        node_id x = maps[at - 1];
        if (l == given)
            x = lateral(b, x, name, s);
        const int pool = s.is_zylo117() ? b.child(name, l == given ? 2 : 0) : b.child(name, "downsample");
        maps[at] = coarser(b, x, pool, 1, s);
    }
}

// One cell under construction.
template <class Builder>
class cell_builder {
public:
    // `lateral_levels` of `maps` are the backbone's: every node that reads one gives it the pyramid's
    // channels itself. `cell` has nodes whose inputs are before them.
    constexpr cell_builder(Builder& b, const tables::pyramid_cell& cell, const pyramid_maps& maps,
                           int lateral_levels, int name, const pyramid_settings& s) noexcept
        : b_(b), cell_(cell), name_(name), lateral_levels_(lateral_levels), s_(s) {
        for (int l = 0; l < cell.levels(); ++l)
            values_[at(l)] = last_[at(l)] = maps[at(l)];
    }

    constexpr pyramid_maps build() noexcept {
        for (int i = 0; i < static_cast<int>(cell_.nodes.size()); ++i)
            push(i);
        return last_;
    }

private:
    static constexpr std::size_t at(int i) noexcept { return static_cast<std::size_t>(i); }

    constexpr void push(int index) noexcept {
        const tables::cell_node& node = cell_.nodes[at(index)];
        const cell_node_names names = name_node(index);
        node_id x = sum(node, names);
        x = b_.activate(x, names.act, activation::silu);
        x = separable_conv(b_, x, names.conv, s_.channels, s_.tf_same, s_.pointwise_bias).pointwise;
        x = b_.batch_norm(x, names.norm, s_.epsilon);
        values_[at(cell_.levels() + index)] = last_[at(node.level - cell_.min_level)] = x;
    }

    // Downwards to finer levels is "up" in zylo117's words, who thinks of the map's size.
    constexpr bool is_up(int index) const noexcept {
        const tables::cell_node& node = cell_.nodes[at(index)];
        for (int id : node.inputs)
            if (cell_.level_of(id) > node.level)
                return true;
        return false;
    }
    constexpr cell_node_names name_node(int index) noexcept {
        if (!s_.is_zylo117())
            return name_effdet_node(b_, name_, index);
        const int level = cell_.nodes[at(index)].level;
        const bool up = is_up(index);
        int occurrence = 1;
        for (int i = 0; i < index; ++i)
            occurrence += cell_.nodes[at(i)].level == level && is_up(i) == up ? 1 : 0;
        return name_zylo117_node(b_, name_, level, up, occurrence);
    }

    constexpr node_id sum(const tables::cell_node& node, const cell_node_names& names) noexcept {
        std::array<node_id, 3> x{-1, -1, -1};
        for (std::size_t i = 0; i < node.inputs.size(); ++i)
            x[i] = resampled(node.inputs[i], node.level, names);
        if (node.inputs.size() == 1)
            return x[0];
        const bool three = node.inputs.size() == 3;
        if (node.factors == weighting::none && !keeps_weights(node))
            return three ? b_.sum({x[0], x[1], x[2]}, names.sum) : b_.sum({x[0], x[1]}, names.sum);
        const int weights = kept_name(node, names);
        return three ? b_.weighted_sum({x[0], x[1], x[2]}, weights, node.factors)
                     : b_.weighted_sum({x[0], x[1]}, weights, node.factors);
    }
    // zylo117 has weights that it does not use: two for level 7, whose first sum has two maps, and none for
    // level 8.
    constexpr bool keeps_weights(const tables::cell_node& node) const noexcept {
        return s_.is_zylo117() && node.level <= 7 && (node.level < 7 || node.inputs.size() == 2);
    }
    constexpr int kept_name(const tables::cell_node& node, const cell_node_names& names) noexcept {
        if (s_.is_zylo117() && node.factors == weighting::none && node.level == 7)
            return b_.child(name_, label_of(down_weight_labels, 7));
        return names.weights;
    }

    // Input `id` with the pyramid's channels, at another level.
    constexpr node_id resampled(int id, int level, const cell_node_names& names) noexcept {
        const int from = cell_.level_of(id);
        const int name = s_.is_zylo117() ? names.combine : b_.child(b_.child(names.combine, "resample"), id);
        node_id x = values_[at(id)];
        if (id < lateral_levels_)
            x = lateral(b_, x, s_.is_zylo117() ? b_.child(name, channel_label(id)) : name, s_);
        if (from < level)
            return coarser(b_, x, b_.child(name, resample_label(false, level)), level - from, s_);
        if (from > level)
            return finer(b_, x, b_.child(name, resample_label(true, level)), from - level);
        return x;
    }
    // The first and the second convolution of a map of the backbone.
    constexpr std::string_view channel_label(int id) noexcept {
        const bool first = reads_[at(id)]++ == 0;
        return label_of(first ? channel_labels : second_channel_labels, cell_.level_of(id));
    }
    constexpr std::string_view resample_label(bool up, int level) const noexcept {
        if (!s_.is_zylo117())
            return up ? "upsample" : "downsample";
        return label_of(up ? upsample_labels : downsample_labels, level);
    }

    Builder& b_;
    const tables::pyramid_cell& cell_;
    int name_ = 0, lateral_levels_ = 0;
    pyramid_settings s_;
    std::array<node_id, tables::max_pyramid_levels + tables::max_cell_nodes> values_{}; // by number
    pyramid_maps last_{};
    std::array<int, tables::max_pyramid_levels> reads_{};
};

template <class Builder>
constexpr pyramid_maps pyramid_cell(Builder& b, const tables::pyramid_cell& cell, const pyramid_maps& maps,
                                    int lateral_levels, int name, const pyramid_settings& s) noexcept {
    return cell_builder<Builder>(b, cell, maps, lateral_levels, name, s).build();
}

} // namespace fovea::blocks
