// SSDLite on a MobileNetV3 backbone: from its table to a graph.
#pragma once

#include <fovea/blocks/ssdlite.hpp>
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/tables/ssdlite.hpp>

namespace fovea {

namespace ssdlite_detail {

// The pieces of an SSDLite under construction: its outputs and where their names hang.
struct ssdlite_outputs {
    int cls_logits, bbox_regression; // outputs
    int cls_names, bbox_names;       // name parts, children are the levels
};

template <class Builder>
constexpr void push_level(Builder& b, const tables::ssdlite_table& t, const ssdlite_outputs& o, node_id x,
                          int level) noexcept {
    const float epsilon = t.backbone.norm_epsilon;
    const int boxes = static_cast<int>(t.boxes.boxes_per_cell(static_cast<std::size_t>(level)));
    b.part(o.cls_logits,
           blocks::prediction_head(b, x, b.child(o.cls_names, level), boxes * t.num_classes, epsilon));
    b.part(o.bbox_regression,
           blocks::prediction_head(b, x, b.child(o.bbox_names, level), boxes * 4, epsilon));
}

} // namespace ssdlite_detail

} // namespace fovea

namespace fovea::tables {

// Upper bound of the nodes that build_graph() pushes.
constexpr std::size_t node_capacity(const tables::ssdlite_table& t) noexcept {
    return node_capacity(t.backbone) + 4 * 9 + 2 * 4 * tables::ssdlite_levels;
}

// Names of torchvision's ssdlite320_mobilenet_v3_large. Level 0 is the expansion of the last strided block
// (C4), level 1 the last 1x1 convolution (C5); backbone.features.0 ends with that expansion,
// backbone.features.1 begins behind it. Heads come right behind their level, while its map is still in the
// cache.
template <class Builder>
constexpr void build_graph(Builder& b, const tables::ssdlite_table& t) noexcept {
    const auto& backbone = t.backbone;
    check_rows(b, backbone);
    if (t.boxes.levels() != tables::ssdlite_levels)
        return b.fail({fault::table_value, 0, static_cast<int>(t.boxes.levels()), tables::ssdlite_levels});
    const int c4 = tables::last_strided_row(backbone);
    if (c4 < 0 || !blocks::expands(tables::adjusted_row(backbone, c4 < 0 ? 0 : c4)))
        return b.fail({fault::no_strided_row, c4, 0, 1});
    const float epsilon = backbone.norm_epsilon;
    const int root = b.child(0, "backbone");
    const int features = b.child(root, "features");
    const int front = b.child(features, 0), back = b.child(features, 1), extra = b.child(root, "extra");
    const int head = b.child(0, "head");
    ssdlite_detail::ssdlite_outputs outputs{};
    outputs.cls_logits = b.output("cls_logits", layout::rows, t.num_classes, true);
    outputs.bbox_regression = b.output("bbox_regression", layout::rows, 4);
    outputs.cls_names = b.child(b.child(head, "classification_head"), "module_list");
    outputs.bbox_names = b.child(b.child(head, "regression_head"), "module_list");

    node_id x = mobilenet_v3_stem(b, backbone, b.child(front, 0));
    for (int i = 0; i < c4; ++i)
        x = blocks::inverted_residual_v3(b, x, b.child(front, i + 1), tables::adjusted_row(backbone, i),
                                         epsilon);
    const auto c4_row = tables::adjusted_row(backbone, c4);
    x = blocks::expand_v3(b, x, b.child(front, c4 + 1), c4_row, epsilon);
    ssdlite_detail::push_level(b, t, outputs, x, 0);

    x = blocks::project_v3(b, x, b.child(back, 0), 1, c4_row, epsilon);
    const int rows = static_cast<int>(backbone.rows.size());
    for (int i = c4 + 1; i < rows; ++i)
        x = blocks::inverted_residual_v3(b, x, b.child(back, i - c4), tables::adjusted_row(backbone, i),
                                         epsilon);
    x = mobilenet_v3_last_conv(b, backbone, x, b.child(back, rows - c4));
    ssdlite_detail::push_level(b, t, outputs, x, 1);

    for (int i = 0; i < 4; ++i) {
        const int scaled = static_cast<int>(t.extra_channels[i] * t.extra_width_mult);
        x = blocks::extra_level(b, x, b.child(extra, i), scaled > t.min_depth ? scaled : t.min_depth,
                                epsilon);
        ssdlite_detail::push_level(b, t, outputs, x, 2 + i);
    }
}

} // namespace fovea::tables
