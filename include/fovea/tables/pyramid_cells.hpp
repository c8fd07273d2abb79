// Feature pyramid cells as data: which maps each node fuses. BiFPN, FPN and PANet are three such lists,
// computed from the pyramid's levels; a detector takes any other function of this form as well.
#pragma once

#include <fovea/detect/fixed_list.hpp>
#include <fovea/graph/node.hpp>

#include <array>

namespace fovea::tables {

inline constexpr int max_pyramid_levels = 8;
inline constexpr std::size_t max_cell_nodes = 40;

// One node: its maps are brought to its level, fused, activated and convolved. Inputs count like effdet's
// inputs_offsets: the cell's own inputs first, from fine to coarse, then the nodes in order.
struct cell_node {
    int level = 0;
    fixed_list<int, 3> inputs{};
    weighting factors = weighting::fast; // nothing is weighted in a node of one input
};

// The levels of a cell's inputs and outputs, and its nodes. An output is the last node of its level, or the
// input where there is none.
struct pyramid_cell {
    int min_level = 3, max_level = 7;
    fixed_list<cell_node, max_cell_nodes> nodes{};

    constexpr int levels() const noexcept { return max_level - min_level + 1; }
    // The level of an input or node by its number.
    constexpr int level_of(int id) const noexcept {
        return id < levels() ? min_level + id : nodes[static_cast<std::size_t>(id - levels())].level;
    }
};

// A cell by the pyramid's levels; `factors` is how a detector wants nodes of two or more inputs weighted.
using cell_rule = pyramid_cell (*)(int min_level, int max_level, weighting factors);

namespace detail {

// A cell under construction, with the first and last number of every level.
class cell_writer {
public:
    constexpr cell_writer(int min_level, int max_level, weighting factors) noexcept : factors_(factors) {
        cell_.min_level = min_level;
        cell_.max_level = max_level;
        for (int l = min_level; l <= max_level; ++l)
            last_[at(l)] = input(l);
    }
    constexpr int input(int level) const noexcept { return level - cell_.min_level; }
    constexpr int last(int level) const noexcept { return last_[at(level)]; }
    constexpr void node(int level, const fixed_list<int, 3>& inputs) {
        last_[at(level)] = cell_.levels() + static_cast<int>(cell_.nodes.size());
        cell_.nodes.push_back({level, inputs, factors_});
    }
    constexpr const pyramid_cell& cell() const noexcept { return cell_; }

private:
    constexpr std::size_t at(int level) const noexcept { return static_cast<std::size_t>(input(level)); }

    pyramid_cell cell_{};
    weighting factors_;
    std::array<int, max_pyramid_levels> last_{};
};

constexpr void top_down(cell_writer& w, int from, int to) {
    for (int l = from; l >= to; --l)
        w.node(l, {w.last(l), w.last(l + 1)});
}

} // namespace detail

// Tan et al. 2020, section 3.2 and figure 2d: no nodes of one input, and an input reaches its level's last
// node, too. google/automl efficientdet/keras/fpn_configs.py, bifpn_config.
constexpr pyramid_cell bifpn_cell(int min_level, int max_level, weighting factors) {
    detail::cell_writer w(min_level, max_level, factors);
    detail::top_down(w, max_level - 1, min_level);
    for (int l = min_level + 1; l <= max_level; ++l)
        if (w.last(l) == w.input(l))
            w.node(l, {w.input(l), w.last(l - 1)});
        else
            w.node(l, {w.input(l), w.last(l), w.last(l - 1)});
    return w.cell();
}

// Lin et al. 2017: from coarse to fine. The coarsest level has a convolution of its own.
constexpr pyramid_cell fpn_cell(int min_level, int max_level, weighting factors) {
    detail::cell_writer w(min_level, max_level, factors);
    w.node(max_level, {w.input(max_level)});
    detail::top_down(w, max_level - 1, min_level);
    return w.cell();
}

// Liu et al. 2018: FPN, then from fine to coarse again (fpn_configs.py, panfpn_config).
constexpr pyramid_cell panet_cell(int min_level, int max_level, weighting factors) {
    detail::cell_writer w(min_level, max_level, factors);
    w.node(max_level, {w.input(max_level)});
    detail::top_down(w, max_level - 1, min_level);
    w.node(min_level, {w.last(min_level)});
    for (int l = min_level + 1; l <= max_level; ++l)
        w.node(l, {w.last(l), w.last(l - 1)});
    return w.cell();
}

} // namespace fovea::tables
