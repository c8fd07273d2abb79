// What happens to a training photo and its boxes: torchvision's presets for detection, EfficientDet's,
// and the one for training from scratch on few photos.
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/data/color_jitter.hpp>
#include <fovea/train/data/crop_window.hpp>
#include <fovea/train/data/random_crops.hpp>

#include <optional>
#include <string>
#include <string_view>

namespace fovea {

// Steps in the order in which they happen; what is not set does not happen.
struct detection_augmentation {
    std::optional<photometric_distort> distort; // of the photo's own pixels
    std::optional<zoom_out> zoom;
    std::optional<iou_crop> crop;
    std::optional<scale_jitter> jitter;
    std::optional<fit_jitter> fit;                 // of presets that keep the aspect
    double horizontal_flip = 0, vertical_flip = 0; // probabilities
    std::optional<color_jitter> color;             // after the resize to the network's input: cheaper
    rgb_color fill{123, 117, 104};                 // around the photo
};

// torchvision's --data-augmentation (references/detection/presets.py). "ssd":
inline detection_augmentation ssd_augmentation(double hflip_prob = 0.5) {
    detection_augmentation a;
    a.distort.emplace();
    a.zoom.emplace();
    a.crop.emplace();
    a.horizontal_flip = hflip_prob;
    return a;
}

// "ssdlite":
inline detection_augmentation ssdlite_augmentation(double hflip_prob = 0.5) {
    detection_augmentation a;
    a.crop.emplace();
    a.horizontal_flip = hflip_prob;
    return a;
}

// "hflip":
inline detection_augmentation hflip_augmentation(double hflip_prob = 0.5) {
    detection_augmentation a;
    a.horizontal_flip = hflip_prob;
    return a;
}

// For pictures without an up and down, such as those of a microscope: crops and zooms, both flips, jitter of
// color.
inline detection_augmentation scale_jitter_augmentation() {
    detection_augmentation a;
    a.jitter.emplace();
    a.horizontal_flip = a.vertical_flip = 0.5;
    a.color = color_jitter{{0.8F, 1.2F}, {0.8F, 1.2F}, {0.8F, 1.2F}, {-0.02F, 0.02F}};
    return a;
}

// google/automl's for EfficientDet (efficientdet/dataloader.py): sizes of .1 to 2 times the fit, and a flip.
inline detection_augmentation efficientdet_augmentation(double hflip_prob = 0.5) {
    detection_augmentation a;
    a.fit.emplace();
    a.horizontal_flip = hflip_prob;
    return a;
}

// By name: ssd, ssdlite, hflip, scale_jitter, efficientdet or none. Throws input_error that lists them.
inline detection_augmentation detection_augmentation_named(std::string_view name) {
    if (name == "ssd")
        return ssd_augmentation();
    if (name == "ssdlite")
        return ssdlite_augmentation();
    if (name == "hflip")
        return hflip_augmentation();
    if (name == "scale_jitter")
        return scale_jitter_augmentation();
    if (name == "efficientdet")
        return efficientdet_augmentation();
    if (name == "none")
        return {};
    throw input_error("augmentation: expected ssd, ssdlite, hflip, scale_jitter, efficientdet or none, got " +
                      std::string(name));
}

} // namespace fovea
