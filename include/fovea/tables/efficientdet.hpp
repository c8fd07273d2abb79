// EfficientDet's tables: the compound rows of D0 to D7x, and what the two PyTorch ports make of them.
#pragma once

#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/tables/efficientnet.hpp>
#include <fovea/tables/pyramid_cells.hpp>

namespace fovea::tables {

// One row of Tan et al. 2020, table 1, with the settings of google/automl's hparams_config.py: EfficientNet's
// coefficient, the input's side in pixels, channels and repeats of the BiFPN, layers of the heads, and the
// anchors' levels and scale. D6 and larger add maps without weights, "for training stability".
struct efficientdet_row {
    int backbone, size, channels, cells, head_layers;
    int max_level;
    double anchor_scale;
    weighting fusion;
};

inline constexpr efficientdet_row efficientdet_rows[] = {
    // backbone, size, channels, cells, head layers, max level, anchor scale, fusion
    {0, 512, 64, 3, 3, 7, 4, weighting::fast},   // D0
    {1, 640, 88, 4, 3, 7, 4, weighting::fast},   // D1
    {2, 768, 112, 5, 3, 7, 4, weighting::fast},  // D2
    {3, 896, 160, 6, 4, 7, 4, weighting::fast},  // D3
    {4, 1024, 224, 7, 4, 7, 4, weighting::fast}, // D4
    {5, 1280, 288, 7, 4, 7, 4, weighting::fast}, // D5
    {6, 1280, 384, 8, 5, 7, 4, weighting::none}, // D6
    {6, 1536, 384, 8, 5, 7, 5, weighting::none}, // D7
    {7, 1536, 384, 8, 5, 8, 4, weighting::none}, // D7x, zylo117's D8
};

// Whose names the parameters have.
enum class efficientdet_names : unsigned char {
    zylo117, // backbone_net.model…, bifpn.0.conv6_up…, regressor…, classifier…
    effdet   // backbone…, fpn.cell.0.fnode.0…, box_net…, class_net…
};

// Whose way it is from a photo to the input, and from the outputs to boxes
// (detect/efficientdet_decoder_settings.hpp).
enum class efficientdet_rules : unsigned char { zylo117, effdet, effdet_soft, official };

// EfficientDet (Tan et al. 2020). The with_ functions return a changed copy:
//     constexpr auto voc = fovea::tables::efficientdet_d0.with_classes(20).with_input(256, 384);
struct efficientdet_table {
    efficientnet_table backbone{}; // its input size is the detector's
    int num_classes = 90;          // no background among them
    int channels = 64;             // of the pyramid and the heads
    int cells = 3;
    int head_layers = 3;
    cell_rule cell = bifpn_cell;
    weighting fusion = weighting::fast;
    efficientdet_anchor_table anchors{};    // and the pyramid's levels
    pool_border border = pool_border::zero; // of the pools with SAME padding
    bool tf_same = true;                    // TensorFlow's SAME padding; otherwise symmetric
    bool pointwise_bias = true;             // in front of batch-norms, where it does nothing but in the heads
    float norm_epsilon = 1e-3F;
    float norm_momentum = 0.01F; // in torch's sense
    efficientdet_names names = efficientdet_names::zylo117;
    efficientdet_rules rules = efficientdet_rules::zylo117;
    double score_threshold = 0.2; // scores must be above
    double nms_threshold = 0.2;

    constexpr efficientdet_table with_classes(int classes) const noexcept {
        auto t = *this;
        t.num_classes = classes;
        return t;
    }
    // Sides are multiples of the coarsest level's cell: 128 pixels, 256 for D7x.
    constexpr efficientdet_table with_input(int height, int width) const noexcept {
        auto t = *this;
        t.backbone = backbone.with_input(height, width);
        return t;
    }
    // The backbone's own coefficients and stages; its names, padding and input size become the detector's.
    constexpr efficientdet_table with_backbone(const efficientnet_table& table) const noexcept {
        auto t = *this;
        t.backbone = table.with_norm(norm_epsilon, norm_momentum)
                         .with_same_padding(tf_same)
                         .with_input(backbone.height, backbone.width);
        return t.with_names(names);
    }
    constexpr efficientdet_table with_channels(int pyramid_channels) const noexcept {
        auto t = *this;
        t.channels = pyramid_channels;
        return t;
    }
    constexpr efficientdet_table with_cells(int repeats) const noexcept {
        auto t = *this;
        t.cells = repeats;
        return t;
    }
    constexpr efficientdet_table with_head_layers(int layers) const noexcept {
        auto t = *this;
        t.head_layers = layers;
        return t;
    }
    // Another cell, for example panet_cell, and how it weights its inputs.
    constexpr efficientdet_table with_cell(cell_rule rule, weighting factors) const noexcept {
        auto t = *this;
        t.cell = rule;
        t.fusion = factors;
        return t;
    }
    constexpr efficientdet_table with_anchors(const efficientdet_anchor_table& table) const noexcept {
        auto t = *this;
        t.anchors = table;
        return t;
    }
    constexpr efficientdet_table with_border(pool_border of_pools) const noexcept {
        auto t = *this;
        t.border = of_pools;
        return t;
    }
    constexpr efficientdet_table with_names(efficientdet_names scheme) const noexcept {
        auto t = *this;
        t.names = scheme;
        t.backbone.names =
            scheme == efficientdet_names::zylo117 ? efficientnet_names::zylo117 : efficientnet_names::timm;
        return t;
    }
    // Thresholds become those of the rules' own programs.
    constexpr efficientdet_table with_rules(efficientdet_rules whose) const noexcept {
        auto t = *this;
        t.rules = whose;
        t.score_threshold = whose == efficientdet_rules::zylo117 ? 0.2 : 0;
        t.nms_threshold = whose == efficientdet_rules::zylo117 ? 0.2 : 0.5;
        return t;
    }
    constexpr efficientdet_table with_score_threshold(double threshold) const noexcept {
        auto t = *this;
        t.score_threshold = threshold;
        return t;
    }
};

// Row 0 to 8 as zylo117's Yet-Another-EfficientDet-Pytorch has it: pools pad with zeros.
constexpr efficientdet_table efficientdet(int row) noexcept {
    const efficientdet_row& r = efficientdet_rows[static_cast<std::size_t>(row)];
    efficientdet_table t;
    t.channels = r.channels;
    t.cells = r.cells;
    t.head_layers = r.head_layers;
    t.fusion = r.fusion;
    t.anchors.max_level = r.max_level;
    t.anchors.anchor_scale = r.anchor_scale;
    return t.with_input(r.size, r.size).with_backbone(efficientnet(r.backbone));
}

// The same rows as effdet's tf_efficientdet models, which hold google/automl's weights.
constexpr efficientdet_table tf_efficientdet(int row) noexcept {
    return efficientdet(row)
        .with_border(pool_border::excluded)
        .with_names(efficientdet_names::effdet)
        .with_rules(efficientdet_rules::effdet);
}

inline constexpr efficientdet_table efficientdet_d0 = efficientdet(0);
inline constexpr efficientdet_table efficientdet_d1 = efficientdet(1);
inline constexpr efficientdet_table efficientdet_d2 = efficientdet(2);
inline constexpr efficientdet_table efficientdet_d3 = efficientdet(3);
inline constexpr efficientdet_table efficientdet_d4 = efficientdet(4);
inline constexpr efficientdet_table efficientdet_d5 = efficientdet(5);
inline constexpr efficientdet_table efficientdet_d6 = efficientdet(6);
inline constexpr efficientdet_table efficientdet_d7 = efficientdet(7);
inline constexpr efficientdet_table efficientdet_d7x = efficientdet(8);

inline constexpr efficientdet_table tf_efficientdet_d0 = tf_efficientdet(0);
inline constexpr efficientdet_table tf_efficientdet_d1 = tf_efficientdet(1);
inline constexpr efficientdet_table tf_efficientdet_d2 = tf_efficientdet(2);
inline constexpr efficientdet_table tf_efficientdet_d3 = tf_efficientdet(3);
inline constexpr efficientdet_table tf_efficientdet_d4 = tf_efficientdet(4);
inline constexpr efficientdet_table tf_efficientdet_d5 = tf_efficientdet(5);
inline constexpr efficientdet_table tf_efficientdet_d6 = tf_efficientdet(6);
inline constexpr efficientdet_table tf_efficientdet_d7 = tf_efficientdet(7);
inline constexpr efficientdet_table tf_efficientdet_d7x = tf_efficientdet(8);

// The pyramid's cell for the table's levels.
constexpr pyramid_cell cell_of(const efficientdet_table& t) {
    return t.cell(t.anchors.min_level, t.anchors.max_level, t.fusion);
}

} // namespace fovea::tables
