// Names of a feature pyramid's modules in the two EfficientDet ports.
#pragma once

#include <fovea/blocks/separable_conv.hpp>

#include <array>
#include <string_view>

namespace fovea::blocks {

// Text with a level's number in it, such as "conv6_up": zylo117 has such labels for every level.
class level_label {
public:
    constexpr level_label() noexcept = default;
    constexpr level_label(std::string_view before, int level, std::string_view behind) noexcept {
        append(before);
        text_[size_++] = static_cast<char>('0' + level);
        append(behind);
    }
    constexpr std::string_view view() const noexcept { return {text_, size_}; }

private:
    constexpr void append(std::string_view part) noexcept {
        for (char c : part)
            text_[size_++] = c;
    }

    char text_[20] = {};
    std::size_t size_ = 0;
};

// The labels of levels 0 to 9.
using level_labels = std::array<level_label, 10>;
constexpr level_labels number_levels(std::string_view before, std::string_view behind) noexcept {
    level_labels labels{};
    for (std::size_t l = 0; l < labels.size(); ++l)
        labels[l] = {before, static_cast<int>(l), behind};
    return labels;
}
// "p5_to_p6": the first level behind the backbone.
constexpr level_labels number_next_levels() noexcept {
    constexpr std::string_view ends[] = {"_to_p1", "_to_p2", "_to_p3", "_to_p4", "_to_p5",
                                         "_to_p6", "_to_p7", "_to_p8", "_to_p9", "_to_p10"};
    level_labels labels{};
    for (std::size_t l = 0; l < labels.size(); ++l)
        labels[l] = {"p", static_cast<int>(l), ends[l]};
    return labels;
}

inline constexpr level_labels conv_up_labels = number_levels("conv", "_up"),
                              conv_down_labels = number_levels("conv", "_down"),
                              up_weight_labels = number_levels("p", "_w1"),
                              down_weight_labels = number_levels("p", "_w2"),
                              channel_labels = number_levels("p", "_down_channel"),
                              second_channel_labels = number_levels("p", "_down_channel_2"),
                              upsample_labels = number_levels("p", "_upsample"),
                              downsample_labels = number_levels("p", "_downsample"),
                              next_level_labels = number_next_levels();

constexpr std::string_view label_of(const level_labels& labels, int level) noexcept {
    return labels[static_cast<std::size_t>(level)].view();
}

// Convolution and batch-norm that bring a map to the pyramid's channels: children of `name`.
template <class Builder>
constexpr conv_norm_names name_lateral(Builder& b, int name, tables::efficientdet_names scheme) noexcept {
    if (scheme == tables::efficientdet_names::zylo117)
        return {b.child(b.child(name, 0), "conv"), b.child(name, 1), 0};
    const int module = b.child(name, "conv");
    return {b.child(module, "conv"), b.child(module, "bn"), 0};
}

// The modules of a cell's node.
struct cell_node_names {
    int sum = 0;
    int weights = 0; // its parameter
    int combine = 0; // what the inputs are resampled in
    int act = 0;
    separable_names conv{};
    int norm = 0;
};

// effdet counts a cell's nodes.
template <class Builder>
constexpr cell_node_names name_effdet_node(Builder& b, int cell, int index) noexcept {
    cell_node_names n;
    const int node = b.child(b.child(cell, "fnode"), index);
    n.sum = n.combine = b.child(node, "combine");
    n.weights = b.child(n.combine, "edge_weights");
    const int after = b.child(node, "after_combine");
    n.act = b.child(after, "act");
    const int conv = b.child(after, "conv");
    n.conv = name_separable(b, conv, tables::efficientdet_names::effdet);
    n.norm = b.child(conv, "bn");
    return n;
}

// zylo117 calls a node after its level and direction. `occurrence` counts those that have one name: there are
// no two in a BiFPN; in another cell the second is "conv6_up.2".
template <class Builder>
constexpr cell_node_names name_zylo117_node(Builder& b, int cell, int level, bool up,
                                            int occurrence) noexcept {
    const auto module = [&](const level_labels& labels) {
        const int name = b.child(cell, label_of(labels, level));
        return occurrence > 1 ? b.child(name, occurrence) : name;
    };
    cell_node_names n;
    n.combine = cell;
    const int conv = module(up ? conv_up_labels : conv_down_labels);
    n.weights = module(up ? up_weight_labels : down_weight_labels);
    n.sum = b.child(conv, "sum");
    n.act = b.child(conv, "swish");
    n.conv = name_separable(b, conv, tables::efficientdet_names::zylo117);
    n.norm = b.child(conv, "bn");
    return n;
}

} // namespace fovea::blocks
