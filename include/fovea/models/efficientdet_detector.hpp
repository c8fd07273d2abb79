// EfficientDet as a detector: photo in, named boxes in the photo's pixels out.
#pragma once

#include <fovea/detect/efficientdet_decoder.hpp>
#include <fovea/detect/map_size.hpp>
#include <fovea/models/basic_detector.hpp>
#include <fovea/models/efficientdet_names.hpp>

namespace fovea {

// The fit inside the input's size, as the table's rules have it; ImageNet's mean and deviation.
constexpr preset detector_preset(const tables::efficientdet_table& t) noexcept {
    const auto height = static_cast<std::size_t>(t.backbone.height),
               width = static_cast<std::size_t>(t.backbone.width);
    switch (t.rules) {
    case tables::efficientdet_rules::zylo117:
        return letterbox_preset(height, width);
    case tables::efficientdet_rules::official:
        return automl_letterbox_preset(height, width);
    case tables::efficientdet_rules::effdet:
    case tables::efficientdet_rules::effdet_soft:
        break;
    }
    return effdet_preset(height, width);
}

constexpr efficientdet_decoder_settings decoder_settings(const tables::efficientdet_table& t) noexcept {
    using rules = tables::efficientdet_rules;
    efficientdet_decoder_settings s =
        t.rules == rules::zylo117    ? efficientdet_decoder_settings::zylo117()
        : t.rules == rules::official ? efficientdet_decoder_settings::official()
                                     : efficientdet_decoder_settings::effdet(t.rules == rules::effdet_soft);
    s.score_thresh = static_cast<float>(t.score_threshold);
    s.nms_thresh = t.nms_threshold;
    return s;
}

// Which boxes an EfficientDet predicts and which of them it returns.
struct efficientdet_settings {
    preset input;
    efficientdet_anchor_table anchors;
    efficientdet_decoder_settings decoder;
};

constexpr efficientdet_settings settings_of(const tables::efficientdet_table& t) noexcept {
    return {detector_preset(t), t.anchors, decoder_settings(t)};
}

// The settings for COCO's figures: zylo117 takes other thresholds than for photos (coco_eval.py).
constexpr efficientdet_decoder_settings evaluation_settings(const efficientdet_decoder_settings& s) noexcept {
    return s.rule == score_rule::best_class ? efficientdet_decoder_settings::zylo117(0.05F, 0.5) : s;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// EfficientDet's way from outputs to boxes; see basic_detector. Label 0 is the background, of which there is
// no column.
struct efficientdet_detection_rules {
    using settings = efficientdet_settings;
    using decoder_settings = efficientdet_decoder_settings;
    using decoder = efficientdet_decoder;

    static decoder make(const settings& s, const program_view& program) {
        return {efficientdet_anchors(s.anchors, size_of(program.graph[0].out)),
                static_cast<std::size_t>(program.graph.outputs[0].row), s.decoder};
    }
    // Boxes are clipped to the whole input (zylo117), or to the photo in it (effdet), whose sides are not
    // whole pixels there.
    static span<const detection> decode(decoder& d, const fovea::network& net, const placement& where,
                                        image_view photo) {
        const shape s = net.program().graph[0].out;
        image_extent extent(static_cast<float>(s.height), static_cast<float>(s.width));
        if (d.settings().clipping == box_clipping::all_sides)
            extent = {static_cast<float>(photo.height) / where.ratio_y,
                      static_cast<float>(photo.width) / where.ratio_x};
        return d.decode(net.output(0), net.output(1), extent);
    }
    static std::size_t most_detections(const decoder& d) noexcept {
        const bool best_class = d.settings().rule == score_rule::best_class;
        const std::size_t pairs = d.anchors() * (best_class ? 1 : d.num_classes());
        return std::min({d.settings().detections_per_img, d.settings().topk_candidates, pairs});
    }
    static std::vector<std::string> labels(std::size_t classes, const std::vector<std::string>& names) {
        if (names.empty())
            return default_labels(classes + 1);
        std::vector<std::string> all{std::string(coco_labels[0])};
        all.insert(all.end(), names.begin(), names.end());
        return all;
    }
};

using efficientdet_detector = basic_detector<efficientdet_detection_rules>;

// The detector of a table. Weights may have the names of either port. Throws weights_error when they do not
// fit.
inline efficientdet_detector make_detector(const program_view& program,
                                           const tables::efficientdet_table& table, const state_dict& weights,
                                           const load_options& options) {
    const auto scheme = efficientdet_names_of(weights);
    if (!scheme || *scheme == table.names)
        return {program, settings_of(table), weights, options};
    return {program, settings_of(table), with_names_of(table, weights), options};
}

FOVEA_ARCH_NAMESPACE_END
