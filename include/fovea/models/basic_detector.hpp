// What all detectors do with a photo; how outputs become boxes is the rules' (models/detector.hpp).
#pragma once

#include <fovea/detect/detection.hpp>
#include <fovea/io/labels.hpp>
#include <fovea/models/model.hpp>
#include <fovea/models/photo_input.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

// A detection network with its preprocessing, decoder and class names. Use one a thread. Rules: a type with
//     settings, decoder_settings, decoder     types; settings has `input`, a preset, and `decoder`
//     make(settings, program_view)            a decoder
//     decode(decoder, network, placement, photo)   detections in pixels of the network's input
//     most_detections(decoder)                what decode() returns at most
//     labels(classes, names)                  names by label, out of the user's names or, without, published
//     ones
template <class Rules>
class basic_detector {
public:
    using settings_type = typename Rules::settings;
    using decoder_settings = typename Rules::decoder_settings;

    // Throws weights_error when the weights do not fit.
    basic_detector(const program_view& program, const settings_type& settings, const state_dict& weights,
                   const load_options& options = {})
        : network_(program, weights, options), settings_(settings), decoder_(Rules::make(settings, program)) {
        detections_.reserve(Rules::most_detections(decoder_));
        labels_ = Rules::labels(static_cast<std::size_t>(program.graph.outputs[0].row), options.labels);
    }

    // Objects with a score above the threshold, best first, boxes in the photo's pixels. Valid until the next
    // call; nothing is allocated once a photo of this size has been seen. Throws input_error for an empty
    // photo and when network() is planned for anything but one image of the detector's own size.
    span<const detection> detect(image_view photo) {
        const placement where = input_.forward(network_, settings_.input, photo);
        const span<const detection> found = Rules::decode(decoder_, network_, where, photo);
        detections_.assign(found.begin(), found.end());
        for (detection& d : detections_) {
            const auto b = where.to_photo(std::array<float, 4>{d.box.x1, d.box.y1, d.box.x2, d.box.y2});
            d.box = {b[0], b[1], b[2], b[3]};
        }
        return detections_;
    }

    // Scores must be above `threshold`; the model's own default is its table's (0.001 for SSDLite, which is
    // for evaluation). Throws as set_decoder() does.
    void set_score_threshold(float threshold) {
        decoder_settings changed = settings_.decoder;
        changed.score_thresh = threshold;
        set_decoder(changed);
    }
    // Throws input_error for settings out of range; the detector then stays as it was.
    void set_decoder(const decoder_settings& decoding) {
        settings_type changed = settings_;
        changed.decoder = decoding;
        auto decoder = Rules::make(changed, network_.program());
        detections_.reserve(Rules::most_detections(decoder));
        decoder_ = std::move(decoder);
        settings_ = changed;
    }

    const std::vector<std::string>& labels() const noexcept { return labels_; }
    const std::string& name(const detection& d) const {
        return labels_.at(static_cast<std::size_t>(d.label));
    }
    const settings_type& settings() const noexcept { return settings_; }
    // The bare network: raw inputs, other sizes, batches, executors.
    fovea::network& network() noexcept { return network_; }

private:
    fovea::network network_;
    settings_type settings_;
    photo_input input_;
    typename Rules::decoder decoder_;
    std::vector<detection> detections_;
    std::vector<std::string> labels_;
};

FOVEA_ARCH_NAMESPACE_END
