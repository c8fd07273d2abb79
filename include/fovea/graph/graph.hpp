// The graph: nodes in execution order, their names and the network's outputs. Everything else is computed
// from it.
#pragma once

#include <fovea/graph/name.hpp>
#include <fovea/graph/node.hpp>
#include <fovea/tensor/view.hpp>

#include <array>
#include <string_view>

namespace fovea {

// How an output's numbers are arranged for one image.
enum class layout : unsigned char {
    vector, // [C]: logits of a classifier
    map,    // a feature map, [H, W, C] inside, NCHW when written to a file
    rows,   // [anchors, row]: the parts' maps one after the other, each read as rows of `row` numbers
};

// One output of the network, for example "cls_logits": the values of the parts that point at it, in order.
struct output {
    std::string_view name{};
    layout arrangement = layout::vector;
    int row = 0;            // numbers in a row of layout::rows, e.g. the number of classes
    bool per_class = false; // one number a class: what a class subset and skip_heads are about
};

struct output_part {
    int output = 0;
    node_id value = -1;
};

// A graph without its storage: what every pass takes, at compile time and at run time.
struct graph_view {
    span<const node> nodes;
    span<const name_part> names;
    span<const output> outputs;
    span<const output_part> parts;

    constexpr const node& operator[](node_id i) const noexcept { return nodes[static_cast<std::size_t>(i)]; }
    constexpr int size() const noexcept { return static_cast<int>(nodes.size()); }
};

template <std::size_t Nodes, std::size_t Names, std::size_t Outputs, std::size_t Parts>
struct graph {
    std::array<node, Nodes> nodes{};
    std::array<name_part, Names> names{};
    std::array<output, Outputs> outputs{};
    std::array<output_part, Parts> parts{};

    constexpr operator graph_view() const noexcept { return {nodes, names, outputs, parts}; }
};

} // namespace fovea
