#include "model_table.hpp"

#include "validators.hpp"

#include <utility>

namespace fovea::cli {

namespace {

void refuse_v3_options(const model_options& o) {
    if (o.reduced_tail)
        refuse("--reduced-tail", o.model + " has no tail to reduce");
    if (o.dilated)
        refuse("--dilated", o.model + " has no dilated form");
}

void refuse_depth(const model_options& o) {
    if (o.depth_mult)
        refuse("--depth-mult", "is for EfficientNet");
}

void refuse_pyramid_options(const model_options& o) {
    for (const auto& [option, given] :
         {std::pair("--cells", o.cells.has_value()), std::pair("--cell", !o.cell.empty()),
          std::pair("--anchor-scale", o.anchor_scale.has_value()), std::pair("--ratios", !o.ratios.empty())})
        if (given)
            refuse(option, "is for EfficientDet");
}

// Changes that all tables share.
template <class Table>
Table with_ends(Table t, const model_options& o) {
    if (o.input_size)
        t = t.with_input((*o.input_size)[0], (*o.input_size)[1]);
    return o.num_classes ? t.with_classes(*o.num_classes) : t;
}

// Changes that classification tables share.
template <class Table>
Table with_classifier_options(Table t, const model_options& o) {
    refuse_pyramid_options(o);
    if (!o.backbone.empty())
        refuse("--backbone", o.model + " is no detector");
    if (!o.scales.empty())
        refuse("--scales", o.model + " is no detector");
    if (o.width_mult)
        t = t.with_width(*o.width_mult);
    t = with_ends(t, o);
    if (o.resize)
        t = t.with_resize(*o.resize);
    return o.features_only ? t.without_classifier() : t;
}

tables::mobilenet_v3_table with_shape_options(tables::mobilenet_v3_table t, const model_options& o) {
    if (o.reduced_tail)
        t = t.with_reduced_tail(*o.reduced_tail);
    return t.with_dilation(t.dilated || o.dilated);
}

tables::mobilenet_v2_table variant_of(const tables::mobilenet_v2_table& t, const model_options& o) {
    refuse_v3_options(o);
    refuse_depth(o);
    return with_classifier_options(t, o);
}

tables::efficientnet_table variant_of(const tables::efficientnet_table& t, const model_options& o) {
    refuse_v3_options(o);
    const auto variant = with_classifier_options(t, o);
    return o.depth_mult ? variant.with_depth(*o.depth_mult) : variant;
}

tables::mobilenet_v3_table variant_of(const tables::mobilenet_v3_table& t, const model_options& o) {
    refuse_depth(o);
    return with_shape_options(with_classifier_options(t, o), o);
}

// Another backbone's rows; the rest of the backbone stays as the detector has it.
tables::mobilenet_v3_table with_rows_of(const tables::mobilenet_v3_table& backbone, const std::string& name) {
    const auto& from = name == "mobilenet_v3_small" ? tables::mobilenet_v3_small : tables::mobilenet_v3_large;
    return backbone.with_rows(from.rows, from.last_channel);
}

tables::ssdlite_table with_scales(const tables::ssdlite_table& t, const std::vector<double>& scales) {
    if (scales.size() != t.boxes.scales.size())
        refuse("--scales", "expected " + std::to_string(t.boxes.scales.size()) + " numbers, found " +
                               std::to_string(scales.size()));
    fixed_list<double, max_box_levels + 1> list;
    for (double scale : scales)
        list.push_back(scale);
    return t.with_scales(list);
}

void refuse_classifier_options(const model_options& o) {
    if (o.features_only)
        refuse("--features-only", "is for classifiers");
    if (o.resize)
        refuse("--resize", "detectors fit photos to --input-size");
}

tables::cell_rule cell_of(const std::string& name) {
    return name == "fpn" ? tables::fpn_cell : name == "panet" ? tables::panet_cell : tables::bifpn_cell;
}

efficientdet_anchor_table anchors_of(efficientdet_anchor_table anchors, const model_options& o) {
    if (o.anchor_scale)
        anchors.anchor_scale = *o.anchor_scale;
    if (!o.ratios.empty())
        anchors.ratios = {};
    for (const auto& [width, height] : o.ratios)
        anchors.ratios.push_back({width, height});
    return anchors;
}

tables::efficientdet_table variant_of(tables::efficientdet_table t, const model_options& o) {
    refuse_classifier_options(o);
    refuse_v3_options(o);
    if (!o.backbone.empty())
        refuse("--backbone", "is for SSDLite");
    if (!o.scales.empty())
        refuse("--scales", "is for SSDLite");
    if (o.width_mult)
        t = t.with_backbone(t.backbone.with_width(*o.width_mult));
    if (o.depth_mult)
        t = t.with_backbone(t.backbone.with_depth(*o.depth_mult));
    if (o.cells)
        t = t.with_cells(*o.cells);
    if (!o.cell.empty())
        t = t.with_cell(cell_of(o.cell), t.fusion);
    return with_ends(t.with_anchors(anchors_of(t.anchors, o)), o);
}

tables::ssdlite_table variant_of(tables::ssdlite_table t, const model_options& o) {
    refuse_classifier_options(o);
    refuse_depth(o);
    refuse_pyramid_options(o);
    auto backbone = o.backbone.empty() ? t.backbone : with_rows_of(t.backbone, o.backbone);
    if (o.width_mult)
        backbone = backbone.with_width(*o.width_mult);
    t = with_ends(t.with_backbone(with_shape_options(backbone, o)), o);
    return o.scales.empty() ? t : with_scales(t, o.scales);
}

} // namespace

any_table with_options(const any_table& table, const model_options& o) {
    return std::visit([&o](const auto& t) -> any_table { return variant_of(t, o); }, table);
}

} // namespace fovea::cli
