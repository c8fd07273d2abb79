// MobileNetV2 for classification: from its table to a graph.
#pragma once

#include <fovea/blocks/inverted_residual.hpp>
#include <fovea/models/classifier_head.hpp>
#include <fovea/tables/mobilenet_v2.hpp>

namespace fovea::tables {

// Upper bound of the nodes that build_graph() pushes.
constexpr std::size_t node_capacity(const tables::mobilenet_v2_table& t) noexcept {
    std::size_t blocks = 0;
    for (const auto& row : t.rows)
        blocks += row.n > 0 ? static_cast<std::size_t>(row.n) : 0;
    return 9 * blocks + 16;
}

// Names and order of torchvision.models.mobilenet_v2: features.0 stem, features.1.. blocks, the last 1x1
// convolution, classifier.{0,1}.
template <class Builder>
constexpr void build_graph(Builder& b, const tables::mobilenet_v2_table& t) noexcept {
    const int features = b.child(0, "features");
    int layer = 0;
    if (t.rows.empty() || t.round_nearest < 1)
        return b.fail({fault::table_value, 0, t.rows.empty() ? 0 : t.round_nearest, 1});
    const auto scaled = [&](double channels) { return make_divisible(channels, t.round_nearest); };
    node_id x = b.input({t.height, t.width, 3});
    x = blocks::conv_norm_activation(b, x, b.child(features, layer++), scaled(t.input_channel * t.width_mult),
                                     window::same(3, 2), 1, t.norm_epsilon, activation::relu6);
    int index = 0;
    for (const auto& row : t.rows) {
        if (row.t <= 0)
            b.fail({fault::table_value, index, static_cast<int>(row.t), 1});
        for (int value : {row.c, row.n, row.s})
            if (value < 1)
                b.fail({fault::table_value, index, value, 1});
        for (int i = 0; i < row.n; ++i)
            x = blocks::inverted_residual_v2(b, x, b.child(features, layer++), row.t,
                                             scaled(row.c * t.width_mult), i == 0 ? row.s : 1,
                                             t.norm_epsilon);
        ++index;
    }
    const int last = scaled(t.last_channel * (t.width_mult > 1 ? t.width_mult : 1.0));
    x = blocks::conv_norm_activation(b, x, b.child(features, layer), last, window{}, 1, t.norm_epsilon,
                                     activation::relu6);
    const node_id pooled = b.global_average_pool(x, b.child(0, "avgpool"));
    if (t.features_only)
        return output_features(b, x, pooled);
    const int classifier = b.child(0, "classifier");
    x = b.dropout(pooled, b.child(classifier, 0), t.dropout);
    output_logits(b, b.linear(x, b.child(classifier, 1), t.num_classes));
}

} // namespace fovea::tables
