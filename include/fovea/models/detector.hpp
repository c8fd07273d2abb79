// Detectors: photo in, named boxes in the photo's pixels out.
#pragma once

#include <fovea/detect/map_size.hpp>
#include <fovea/detect/ssd_decoder.hpp>
#include <fovea/models/basic_detector.hpp>
#include <fovea/models/efficientdet_detector.hpp>
#include <fovea/models/ssdlite.hpp>

#include <utility>

namespace fovea {

// SSDLite's transform: the photo stretched to the input's size, (x - 0.5) / 0.5 (torchvision ssdlite.py).
constexpr preset detector_preset(const tables::ssdlite_table& t) noexcept {
    return stretch_preset(static_cast<std::size_t>(t.backbone.height),
                          static_cast<std::size_t>(t.backbone.width), {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F});
}

constexpr ssd_decoder_settings decoder_settings(const tables::ssdlite_table& t) noexcept {
    ssd_decoder_settings s;
    s.score_thresh = static_cast<float>(t.score_threshold);
    s.nms_thresh = t.nms_threshold;
    s.topk_candidates = static_cast<std::size_t>(t.topk_candidates);
    s.detections_per_img = static_cast<std::size_t>(t.detections_per_image);
    return s;
}

// Which boxes a detector predicts and which of them it returns.
struct detector_settings {
    preset input;
    default_box_table boxes;
    ssd_decoder_settings decoder;
};

constexpr detector_settings settings_of(const tables::ssdlite_table& t) noexcept {
    return {detector_preset(t), t.boxes, decoder_settings(t)};
}

// The default boxes of a network whose output 0 is cls_logits, for maps of the given shapes.
template <class ShapeOf>
default_boxes boxes_of(graph_view g, const default_box_table& table, shape input, const ShapeOf& shape_of) {
    feature_sizes maps;
    for (const output_part& part : g.parts)
        if (part.output == 0)
            maps.push_back(size_of(shape_of(part.value)));
    return {table, maps, size_of(input)};
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// SSD's way from outputs to boxes; see basic_detector.
struct ssd_rules {
    using settings = detector_settings;
    using decoder_settings = ssd_decoder_settings;
    using decoder = ssd_decoder;

    static decoder make(const settings& s, const program_view& program) {
        const graph_view g = program.graph;
        const auto boxes = boxes_of(g, s.boxes, g[0].out, [&](node_id i) { return g[i].out; });
        return {boxes, static_cast<std::size_t>(g.outputs[0].row), s.decoder};
    }
    static span<const detection> decode(decoder& d, const fovea::network& net, const placement&, image_view) {
        return d.decode(net.output(0), net.output(1), size_of(net.program().graph[0].out));
    }
    static std::size_t most_detections(const decoder& d) noexcept {
        return std::min(d.settings().detections_per_img, d.anchors() * d.num_classes());
    }
    static std::vector<std::string> labels(std::size_t classes, const std::vector<std::string>& names) {
        return names.empty() ? default_labels(classes) : names;
    }
};

using detector = basic_detector<ssd_rules>;

// The detector of a table. Throws weights_error when the weights do not fit.
inline detector make_detector(const program_view& program, const tables::ssdlite_table& table,
                              const state_dict& weights, const load_options& options) {
    return {program, settings_of(table), weights, options};
}

// The model type of a detection table.
template <const auto& Table>
struct detection_model : model<Table> {
    using runner =
        decltype(make_detector(std::declval<const program_view&>(), Table, std::declval<const state_dict&>(),
                               std::declval<const load_options&>()));
    static constexpr preset input_preset = detector_preset(Table);

    static runner make(const state_dict& weights, const load_options& options) {
        return make_detector(model<Table>::program(), Table, weights, options);
    }
};

// torchvision's name. The argument is any SSDLite table: ssdlite320_mobilenet_v3_large<voc>.
template <const tables::ssdlite_table& Table = tables::ssdlite320_mobilenet_v3_large>
using ssdlite320_mobilenet_v3_large = detection_model<Table>;

// The names of zylo117 (whose D8 is the paper's D7x) and effdet. The argument is any EfficientDet table:
// efficientdet_d0<voc>.
template <const tables::efficientdet_table& Table = tables::efficientdet_d0>
using efficientdet_d0 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d1>
using efficientdet_d1 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d2>
using efficientdet_d2 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d3>
using efficientdet_d3 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d4>
using efficientdet_d4 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d5>
using efficientdet_d5 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d6>
using efficientdet_d6 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d7>
using efficientdet_d7 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::efficientdet_d7x>
using efficientdet_d7x = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d0>
using tf_efficientdet_d0 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d1>
using tf_efficientdet_d1 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d2>
using tf_efficientdet_d2 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d3>
using tf_efficientdet_d3 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d4>
using tf_efficientdet_d4 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d5>
using tf_efficientdet_d5 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d6>
using tf_efficientdet_d6 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d7>
using tf_efficientdet_d7 = detection_model<Table>;
template <const tables::efficientdet_table& Table = tables::tf_efficientdet_d7x>
using tf_efficientdet_d7x = detection_model<Table>;

FOVEA_ARCH_NAMESPACE_END
