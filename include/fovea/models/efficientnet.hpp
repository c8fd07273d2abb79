// EfficientNet for classification: from its table to a graph. The backbone half also serves the detectors.
// Cold code: at run time a model builds graphs once at most, to rename weights of another port, and code for
// size takes less time to compile.
#pragma once

#include <fovea/blocks/mbconv.hpp>
#include <fovea/models/classifier_head.hpp>
#include <fovea/tables/efficientnet.hpp>

#include <array>

namespace fovea {

// What a detector takes of the network: level[k] is the last map at stride 2^k, the output of the block in
// front of the next stride. -1 where there is none. EfficientDet's P3, P4 and P5 are levels 3, 4 and 5.
struct backbone_taps {
    std::array<node_id, 8> level{-1, -1, -1, -1, -1, -1, -1, -1};
    node_id last = -1; // the last block's output
};

// Faults of the table that shape inference would not name well: multipliers, channels that do not chain,
// values out of range.
template <class Builder>
[[gnu::cold]] constexpr void check_stages(Builder& b, const tables::efficientnet_table& t) noexcept {
    if (t.rows.empty())
        b.fail({fault::table_value, 0, 0, 1});
    constexpr double most = 100;
    if (!(t.width_mult > 0 && t.width_mult < most) || !(t.depth_mult > 0 && t.depth_mult < most))
        b.fail({fault::table_value, 0, 0, 1});
    for (int i = 0; i < static_cast<int>(t.rows.size()); ++i) {
        const auto row = t.rows[static_cast<std::size_t>(i)];
        if (i > 0 && row.input != t.rows[static_cast<std::size_t>(i) - 1].out)
            b.fail({fault::table_channels, i, row.input, t.rows[static_cast<std::size_t>(i) - 1].out});
        for (int value : {row.expand, row.input, row.out, row.n})
            if (value < 1)
                b.fail({fault::table_value, i, value, 1});
        if (row.kernel < 1 || row.kernel % 2 == 0)
            b.fail({fault::table_value, i, row.kernel, row.kernel + 1});
        if (row.stride < 1 || row.stride > 2)
            b.fail({fault::table_value, i, row.stride, row.stride < 1 ? 1 : 2});
    }
}

namespace efficientnet_detail {

// Names of the stem and of the last 1x1 convolution under `root`.
template <class Builder>
[[gnu::cold]] constexpr blocks::conv_norm_names stem_names(Builder& b, int root,
                                                           tables::efficientnet_names scheme) noexcept {
    using names = tables::efficientnet_names;
    if (scheme == names::torchvision) {
        const int stem = b.child(b.child(root, "features"), 0);
        return {b.child(stem, 0), b.child(stem, 1), b.child(stem, 2)};
    }
    const bool is_timm = scheme == names::timm;
    const int conv = b.child(root, is_timm ? "conv_stem" : "_conv_stem");
    const int norm = b.child(root, is_timm ? "bn1" : "_bn0");
    return {scheme == names::zylo117 ? b.child(conv, "conv") : conv, norm,
            is_timm ? b.child(norm, "act") : b.child(root, "_swish")};
}
template <class Builder>
[[gnu::cold]] constexpr blocks::conv_norm_names head_names(Builder& b, int root,
                                                           const tables::efficientnet_table& t) noexcept {
    using names = tables::efficientnet_names;
    if (t.names == names::torchvision) {
        const int head = b.child(b.child(root, "features"), static_cast<int>(t.rows.size()) + 1);
        return {b.child(head, 0), b.child(head, 1), b.child(head, 2)};
    }
    const bool is_timm = t.names == names::timm;
    const int conv = b.child(root, is_timm ? "conv_head" : "_conv_head");
    const int norm = b.child(root, is_timm ? "bn2" : "_bn1");
    return {t.names == names::zylo117 ? b.child(conv, "conv") : conv, norm,
            is_timm ? b.child(norm, "act") : b.child(root, "_swish")};
}

// The module of all blocks, or of the blocks of one stage: blocks are its children by number.
template <class Builder>
[[gnu::cold]] constexpr int stage_name(Builder& b, int all, tables::efficientnet_names scheme,
                                       int stage) noexcept {
    switch (scheme) {
    case tables::efficientnet_names::torchvision:
        return b.child(all, stage + 1);
    case tables::efficientnet_names::timm:
        return b.child(all, stage);
    case tables::efficientnet_names::port:
    case tables::efficientnet_names::zylo117:
        break;
    }
    return all;
}

constexpr std::string_view blocks_label(tables::efficientnet_names scheme) noexcept {
    return scheme == tables::efficientnet_names::torchvision ? "features"
           : scheme == tables::efficientnet_names::timm      ? "blocks"
                                                             : "_blocks";
}

} // namespace efficientnet_detail

// Stem and blocks on image `x`; names hang under part `root`.
template <class Builder>
[[gnu::cold]] constexpr backbone_taps efficientnet_backbone(Builder& b, const tables::efficientnet_table& t,
                                                            node_id x, int root = 0) noexcept {
    backbone_taps taps;
    check_stages(b, t);
    if (b.first_fault().kind != fault::none)
        return taps;
    x = blocks::conv_norm_activation(b, x, efficientnet_detail::stem_names(b, root, t.names),
                                     tables::stem_channels(t), blocks::padded_window(t.tf_same, 3, 2), 1,
                                     t.norm_epsilon, t.act);
    const int all = b.child(root, efficientnet_detail::blocks_label(t.names));
    const int total = tables::block_count(t);
    const bool counts_on =
        t.names == tables::efficientnet_names::port || t.names == tables::efficientnet_names::zylo117;
    std::size_t level = 1;
    for (int i = 0, index = 0; i < static_cast<int>(t.rows.size()); ++i) {
        const tables::mbconv_stage stage = tables::scaled_stage(t, i);
        const int stage_name = efficientnet_detail::stage_name(b, all, t.names, i);
        for (int n = 0; n < stage.n; ++n, ++index) {
            const int quarter = b.channels(x) / 4;
            const blocks::mbconv_settings s{stage.expand,
                                            stage.kernel,
                                            n == 0 ? stage.stride : 1,
                                            stage.out,
                                            !t.squeeze_excite ? 0
                                            : quarter > 1     ? quarter
                                                              : 1,
                                            t.tf_same,
                                            t.act,
                                            t.norm_epsilon,
                                            t.stochastic_depth * static_cast<float>(index) /
                                                static_cast<float>(total)};
            if (s.stride > 1 && level + 1 < taps.level.size())
                taps.level[level++] = x;
            const int name = b.child(stage_name, counts_on ? index : n);
            x = blocks::mbconv(b, x, blocks::name_mbconv(b, name, s, t.names), s);
        }
    }
    taps.level[level] = taps.last = x;
    return taps;
}

} // namespace fovea

namespace fovea::tables {

// Upper bound of the nodes that build_graph() and efficientnet_backbone() push.
constexpr std::size_t node_capacity(const tables::efficientnet_table& t) noexcept {
    return 16 * static_cast<std::size_t>(block_count(t)) + 16;
}

// Names and order of torchvision.models.efficientnet_b0 to _b7 (features.0 stem, features.1.. stages, the
// last 1x1 convolution, classifier.1), or of the ports.
template <class Builder>
[[gnu::cold]] constexpr void build_graph(Builder& b, const tables::efficientnet_table& t) noexcept {
    node_id x = efficientnet_backbone(b, t, b.input({t.height, t.width, 3})).last;
    if (x < 0)
        return;
    x = blocks::conv_norm_activation(b, x, efficientnet_detail::head_names(b, 0, t), head_channels(t),
                                     window{}, 1, t.norm_epsilon, t.act);
    const bool is_torchvision = t.names == efficientnet_names::torchvision;
    const bool is_timm = t.names == efficientnet_names::timm;
    const node_id pooled = b.global_average_pool(x, b.child(0, is_torchvision ? "avgpool"
                                                               : is_timm      ? "global_pool"
                                                                              : "_avg_pooling"));
    if (t.features_only)
        return output_features(b, x, pooled);
    const int classifier = b.child(0, is_torchvision || is_timm ? "classifier" : "_fc");
    x = b.dropout(pooled, is_torchvision ? b.child(classifier, 0) : b.child(0, is_timm ? "drop" : "_dropout"),
                  t.dropout);
    output_logits(b, b.linear(x, is_torchvision ? b.child(classifier, 1) : classifier, t.num_classes));
}

} // namespace fovea::tables
