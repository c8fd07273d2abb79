// MobileNetV3 for classification: from its table to a graph. The backbone half also serves the detectors.
#pragma once

#include <fovea/blocks/inverted_residual.hpp>
#include <fovea/models/classifier_head.hpp>
#include <fovea/tables/mobilenet_v3.hpp>

namespace fovea {

// Faults of the rows that shape inference would not name well: channels that do not chain, values out of
// range.
template <class Builder>
constexpr void check_rows(Builder& b, const tables::mobilenet_v3_table& t) noexcept {
    if (t.rows.empty())
        b.fail({fault::table_value, 0, 0, 1});
    for (int i = 0; i < static_cast<int>(t.rows.size()); ++i) {
        const auto row = t.rows[static_cast<std::size_t>(i)];
        if (i > 0 && row.input != t.rows[static_cast<std::size_t>(i) - 1].out)
            b.fail({fault::table_channels, i, row.input, t.rows[static_cast<std::size_t>(i) - 1].out});
        if (row.input < 1 || row.expanded < 1 || row.out < 1)
            b.fail({fault::table_value, i, row.expanded < row.out ? row.expanded : row.out, 1});
        if (row.kernel < 1 || row.kernel % 2 == 0)
            b.fail({fault::table_value, i, row.kernel, row.kernel + 1});
        if (row.stride < 1 || row.stride > 2)
            b.fail({fault::table_value, i, row.stride, row.stride < 1 ? 1 : 2});
        if (row.dilation < 1)
            b.fail({fault::table_value, i, row.dilation, 1});
    }
}

// 3x3 stride 2 convolution with hardswish, to the first row's input channels.
template <class Builder>
constexpr node_id mobilenet_v3_stem(Builder& b, const tables::mobilenet_v3_table& t, int name) noexcept {
    const node_id image = b.input({t.height, t.width, 3});
    const int channels = t.rows.empty() ? 1 : tables::adjusted_row(t, 0).input;
    return blocks::conv_norm_activation(b, image, name, channels, window::same(3, 2), 1, t.norm_epsilon,
                                        activation::hardswish);
}

// The last 1x1 convolution: six times the last block's channels.
template <class Builder>
constexpr node_id mobilenet_v3_last_conv(Builder& b, const tables::mobilenet_v3_table& t, node_id x,
                                         int name) noexcept {
    return blocks::conv_norm_activation(b, x, name, 6 * b.channels(x), window{}, 1, t.norm_epsilon,
                                        activation::hardswish);
}

} // namespace fovea

namespace fovea::tables {

// Upper bound of the nodes that build_graph() pushes.
constexpr std::size_t node_capacity(const tables::mobilenet_v3_table& t) noexcept {
    return 15 * t.rows.size() + 20;
}

// Names and order of torchvision.models.mobilenet_v3_{large,small}: features.0 stem, features.1.. blocks, the
// last 1x1 convolution, classifier.{0..3}.
template <class Builder>
constexpr void build_graph(Builder& b, const tables::mobilenet_v3_table& t) noexcept {
    check_rows(b, t);
    const int features = b.child(0, "features");
    const int rows = static_cast<int>(t.rows.size());
    node_id x = mobilenet_v3_stem(b, t, b.child(features, 0));
    for (int i = 0; i < rows; ++i)
        x = blocks::inverted_residual_v3(b, x, b.child(features, i + 1), tables::adjusted_row(t, i),
                                         t.norm_epsilon);
    x = mobilenet_v3_last_conv(b, t, x, b.child(features, rows + 1));
    const node_id pooled = b.global_average_pool(x, b.child(0, "avgpool"));
    if (t.features_only)
        return output_features(b, x, pooled);
    const int classifier = b.child(0, "classifier");
    x = b.linear(pooled, b.child(classifier, 0), tables::adjusted_last_channel(t));
    x = b.activate(x, b.child(classifier, 1), activation::hardswish);
    x = b.dropout(x, b.child(classifier, 2), t.dropout);
    output_logits(b, b.linear(x, b.child(classifier, 3), t.num_classes));
}

} // namespace fovea::tables
