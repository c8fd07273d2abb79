// SSDLite's table: backbone, extra layers, default boxes and post-processing of
// torchvision/models/detection/ssdlite.py.
#pragma once

#include <fovea/detect/default_box_table.hpp>
#include <fovea/tables/mobilenet_v3.hpp>

namespace fovea::tables {

// A single-shot detector with depthwise separable heads (Sandler et al. 2018, section 6.2; Howard et al.
// 2019, 6.3).
//     constexpr auto voc = fovea::tables::ssdlite320_mobilenet_v3_large.with_classes(21);
struct ssdlite_table {
    mobilenet_v3_table backbone{};
    int num_classes = 91; // background included
    int extra_channels[4] = {512, 256, 256, 128};
    double extra_width_mult = 1.0;
    int min_depth = 16; // of the extra layers after extra_width_mult

    // Two squares and two boxes for each of two aspect ratios on every level.
    default_box_table boxes{{{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}}, linear_scales(0.2, 0.95, 6)};

    double score_threshold = 0.001;
    double nms_threshold = 0.55;
    int detections_per_image = 300;
    int topk_candidates = 300; // per class

    constexpr ssdlite_table with_classes(int classes) const noexcept {
        auto t = *this;
        t.num_classes = classes;
        return t;
    }
    constexpr ssdlite_table with_input(int input_height, int input_width) const noexcept {
        return with_backbone(backbone.with_input(input_height, input_width));
    }
    // The backbone keeps its own width, tail, dilation and rows; its input size becomes the detector's.
    constexpr ssdlite_table with_backbone(const mobilenet_v3_table& table) const noexcept {
        auto t = *this;
        t.backbone = table;
        t.backbone.norm_momentum = 0.03F;
        return t;
    }
    // Scales relative to the image's sides, smallest first: one more than there are levels.
    constexpr ssdlite_table with_scales(const fixed_list<double, max_box_levels + 1>& scales) const noexcept {
        auto t = *this;
        t.boxes.scales = scales;
        return t;
    }
    constexpr ssdlite_table with_score_threshold(double threshold) const noexcept {
        auto t = *this;
        t.score_threshold = threshold;
        return t;
    }
};

// The published weights have the reduced tail: torchvision builds it whenever no backbone weights are asked
// for.
inline constexpr ssdlite_table ssdlite320_mobilenet_v3_large =
    ssdlite_table{}.with_backbone(mobilenet_v3_large.with_reduced_tail().with_input(320, 320));

// On MobileNetV3-Small, its tail whole; no weights are published for it.
inline constexpr ssdlite_table ssdlite320_mobilenet_v3_small =
    ssdlite_table{}.with_backbone(mobilenet_v3_small.with_input(320, 320));

// Blood cells under a microscope (docs/models/blood_cells.md): platelets are smaller than the default boxes of COCO.
inline constexpr ssdlite_table ssdlite320_blood_cells =
    ssdlite320_mobilenet_v3_small.with_classes(4).with_scales({0.07, 0.14, 0.22, 0.32, 0.45, 0.65, 0.9});

inline constexpr int ssdlite_levels = 6; // C4, C5 and four extra levels

} // namespace fovea::tables
