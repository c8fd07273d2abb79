// EfficientDet: from its table to a graph.
// Cold code: at run time a model builds graphs once at most, to rename weights of another port, and code for
// size takes less time to compile.
#pragma once

#include <fovea/blocks/efficientdet_heads.hpp>
#include <fovea/models/efficientnet.hpp>
#include <fovea/tables/efficientdet.hpp>

namespace fovea {

namespace efficientdet_detail {

// Faults of what a table says about levels, sizes and repeats.
template <class Builder>
[[gnu::cold]] constexpr void check_detector(Builder& b, const tables::efficientdet_table& t) noexcept {
    const auto require = [&](int value, int least, int most) {
        if (value < least || value > most)
            b.fail({fault::table_value, 0, value, value < least ? least : most});
    };
    require(t.num_classes, 1, 1 << 16);
    require(t.channels, 1, 1 << 14);
    require(t.cells, 1, 64);
    require(t.head_layers, 0, static_cast<int>(blocks::max_head_layers));
    require(t.anchors.min_level, 1, 7);
    require(t.anchors.max_level, t.anchors.min_level, 9);
    require(t.anchors.max_level - t.anchors.min_level + 1, 2, tables::max_pyramid_levels);
    if (b.first_fault().kind != fault::none)
        return;
    const int multiple = 1 << t.anchors.max_level;
    for (int side : {t.backbone.height, t.backbone.width})
        if (side < 1 || side % multiple != 0)
            b.fail({fault::table_value, 0, side, side < 1 ? multiple : (side / multiple + 1) * multiple});
}

// Nodes of a cell that is no one's published one: its levels, and inputs that are before them.
template <class Builder>
[[gnu::cold]] constexpr void check_cell(Builder& b, const tables::efficientdet_table& t,
                                        const tables::pyramid_cell& cell) noexcept {
    if (cell.min_level != t.anchors.min_level || cell.max_level != t.anchors.max_level)
        return b.fail({fault::table_value, 0, cell.levels(), t.anchors.max_level - t.anchors.min_level + 1});
    for (int i = 0; i < static_cast<int>(cell.nodes.size()); ++i) {
        const tables::cell_node& n = cell.nodes[static_cast<std::size_t>(i)];
        if (n.level < cell.min_level || n.level > cell.max_level)
            b.fail(
                {fault::table_value, i, n.level, n.level < cell.min_level ? cell.min_level : cell.max_level});
        if (n.inputs.empty())
            b.fail({fault::table_value, i, 0, 1});
        for (int id : n.inputs)
            if (id < 0 || id >= cell.levels() + i)
                b.fail({fault::no_such_input, i, id, cell.levels() + i - 1});
    }
}

constexpr blocks::pyramid_settings pyramid_of(const tables::efficientdet_table& t) noexcept {
    return {t.channels, t.border, t.tf_same, t.pointwise_bias, t.norm_epsilon, t.names};
}

// All cells, on the backbone's maps.
template <class Builder>
[[gnu::cold]] constexpr blocks::pyramid_maps build_pyramid(Builder& b, const tables::efficientdet_table& t,
                                                           const backbone_taps& taps) {
    const blocks::pyramid_settings s = pyramid_of(t);
    const tables::pyramid_cell cell = tables::cell_of(t);
    blocks::pyramid_maps maps{};
    check_cell(b, t, cell);
    int given = 0;
    for (int l = t.anchors.min_level; l <= t.anchors.max_level && l < static_cast<int>(taps.level.size());
         ++l)
        if (taps.level[static_cast<std::size_t>(l)] >= 0)
            maps[static_cast<std::size_t>(given++)] = taps.level[static_cast<std::size_t>(l)];
    if (given == 0)
        b.fail({fault::table_value, 0, t.anchors.min_level, 1}); // finer than that the backbone has none
    if (b.first_fault().kind != fault::none)
        return maps;
    const int root = b.child(0, s.is_zylo117() ? "bifpn" : "fpn");
    const int all = s.is_zylo117() ? root : b.child(root, "cell");
    for (int i = 0; i < t.cells; ++i) {
        const int name = b.child(all, i);
        if (i == 0)
            blocks::add_coarse_levels(b, maps, given, cell.levels(), cell.min_level,
                                      s.is_zylo117() ? name : root, s);
        maps = blocks::pyramid_cell(b, cell, maps, i == 0 ? given : 0, name, s);
    }
    return maps;
}

} // namespace efficientdet_detail

} // namespace fovea

namespace fovea::tables {

// Upper bound of the nodes that build_graph() pushes.
constexpr std::size_t node_capacity(const tables::efficientdet_table& t) {
    if (t.anchors.min_level < 0 || t.anchors.max_level > 9 || t.anchors.max_level < t.anchors.min_level)
        return 16; // build_graph() says what is wrong
    const auto repeats = [](int n) { return n < 0 ? std::size_t{0} : static_cast<std::size_t>(n); };
    const pyramid_cell cell = cell_of(t);
    const auto levels = static_cast<std::size_t>(cell.levels());
    std::size_t of_cell = 5 * cell.nodes.size(); // sum, activation, two convolutions, batch-norm
    for (const cell_node& n : cell.nodes)
        for (int id : n.inputs)
            of_cell += cell.level_of(id) != n.level ? 1U : 0U;
    const std::size_t laterals = 2 * 3 * cell.nodes.size() + 3 * levels;
    return node_capacity(t.backbone) + laterals + repeats(t.cells) * of_cell +
           levels * 2 * (4 * repeats(t.head_layers) + 2);
}

// Names of zylo117's Yet-Another-EfficientDet-Pytorch or of effdet. Outputs: "classification", logits
// [anchors, classes], and "regression" [anchors, 4] (dy, dx, dh, dw). Both heads come level by level, while
// its map is still in the cache.
template <class Builder>
[[gnu::cold]] constexpr void build_graph(Builder& b, const tables::efficientdet_table& t) {
    efficientdet_detail::check_detector(b, t);
    if (b.first_fault().kind != fault::none)
        return;
    const blocks::pyramid_settings s = efficientdet_detail::pyramid_of(t);
    const int backbone =
        s.is_zylo117() ? b.child(b.child(0, "backbone_net"), "model") : b.child(0, "backbone");
    const node_id image = b.input({t.backbone.height, t.backbone.width, 3});
    const backbone_taps taps = efficientnet_backbone(b, t.backbone, image, backbone);
    if (b.first_fault().kind != fault::none)
        return;
    const blocks::pyramid_maps maps = efficientdet_detail::build_pyramid(b, t, taps);
    if (b.first_fault().kind != fault::none)
        return;
    const int anchors = static_cast<int>(t.anchors.boxes_per_cell());
    const int classes = b.output("classification", layout::rows, t.num_classes, true);
    const int boxes = b.output("regression", layout::rows, 4);
    blocks::head_builder<Builder> class_head(b, b.child(0, s.is_zylo117() ? "classifier" : "class_net"),
                                             t.head_layers, anchors * t.num_classes, s);
    blocks::head_builder<Builder> box_head(b, b.child(0, s.is_zylo117() ? "regressor" : "box_net"),
                                           t.head_layers, anchors * 4, s);
    for (int l = 0; l < t.anchors.max_level - t.anchors.min_level + 1; ++l) {
        const node_id map = maps[static_cast<std::size_t>(l)];
        b.part(classes, class_head.push_level(map, l));
        b.part(boxes, box_head.push_level(map, l));
    }
}

} // namespace fovea::tables
