// Detectors: photo in, named boxes in the photo's pixels out.
#pragma once

#include <fovea/detect/ssd_decoder.hpp>
#include <fovea/io/labels.hpp>
#include <fovea/models/model.hpp>
#include <fovea/models/photo_input.hpp>
#include <fovea/models/ssdlite.hpp>

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
        if (part.output == 0) {
            const shape s = shape_of(part.value);
            maps.push_back({static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width)});
        }
    return {table, maps, {static_cast<std::size_t>(input.height), static_cast<std::size_t>(input.width)}};
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// A detection network with its preprocessing, decoder and class names. Use one a thread.
class detector {
public:
    // Throws weights_error when the weights do not fit.
    detector(const program_view& program, const detector_settings& settings, const state_dict& weights,
             const load_options& options = {})
        : network_(program, weights, options), settings_(settings), decoder_(make_decoder(settings.decoder)) {
        reserve_detections(decoder_);
        labels_ = options.labels.empty() ? default_labels(classes()) : options.labels;
    }

    // Objects with a score above the threshold, best first, boxes in the photo's pixels. Valid until the next
    // call; nothing is allocated once a photo of this size has been seen. Throws input_error for an empty
    // photo and when network() is planned for anything but one image of the detector's own size.
    span<const detection> detect(image_view photo) {
        const placement where = input_.forward(network_, settings_.input, photo);
        const span<const detection> found =
            decoder_.decode(network_.output(0), network_.output(1), input_size());
        detections_.assign(found.begin(), found.end());
        for (detection& d : detections_) {
            const auto b = where.to_photo(std::array<float, 4>{d.box.x1, d.box.y1, d.box.x2, d.box.y2});
            d.box = {b[0], b[1], b[2], b[3]};
        }
        return detections_;
    }

    // Scores must be above `threshold`; the model's own default is for evaluation (0.001 for SSDLite). Throws
    // as set_decoder() does.
    void set_score_threshold(float threshold) {
        ssd_decoder_settings settings = settings_.decoder;
        settings.score_thresh = threshold;
        set_decoder(settings);
    }
    // Throws input_error for settings out of range; the detector then stays as it was.
    void set_decoder(const ssd_decoder_settings& settings) {
        ssd_decoder decoder = make_decoder(settings);
        reserve_detections(decoder);
        decoder_ = std::move(decoder);
        settings_.decoder = settings;
    }

    const std::vector<std::string>& labels() const noexcept { return labels_; }
    const std::string& name(const detection& d) const {
        return labels_.at(static_cast<std::size_t>(d.label));
    }
    const detector_settings& settings() const noexcept { return settings_; }
    // The bare network: raw inputs, other sizes, batches, executors.
    fovea::network& network() noexcept { return network_; }

private:
    std::size_t classes() const noexcept {
        return static_cast<std::size_t>(network_.program().graph.outputs[0].row);
    }
    spatial_size input_size() const noexcept {
        const shape s = network_.program().graph[0].out;
        return {static_cast<std::size_t>(s.height), static_cast<std::size_t>(s.width)};
    }
    ssd_decoder make_decoder(const ssd_decoder_settings& settings) const {
        const graph_view g = network_.program().graph;
        const auto boxes = boxes_of(g, settings_.boxes, g[0].out, [&](node_id i) { return g[i].out; });
        return {boxes, classes(), settings};
    }
    // Room for as many boxes as the decoder ever returns.
    void reserve_detections(const ssd_decoder& decoder) {
        detections_.reserve(std::min(decoder.settings().detections_per_img, decoder.anchors() * classes()));
    }

    fovea::network network_;
    detector_settings settings_;
    photo_input input_;
    ssd_decoder decoder_;
    std::vector<detection> detections_;
    std::vector<std::string> labels_;
};

// The model type of a detection table.
template <const auto& Table>
struct detection_model : model<Table> {
    using runner = detector;
    static constexpr preset input_preset = detector_preset(Table);

    static runner make(const state_dict& weights, const load_options& options) {
        return {model<Table>::program(), settings_of(Table), weights, options};
    }
};

// torchvision's name. The argument is any SSDLite table: ssdlite320_mobilenet_v3_large<voc>.
template <const tables::ssdlite_table& Table = tables::ssdlite320_mobilenet_v3_large>
using ssdlite320_mobilenet_v3_large = detection_model<Table>;

FOVEA_ARCH_NAMESPACE_END
