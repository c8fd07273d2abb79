// EfficientDet's heads: convolutions shared by all levels, batch-norms of each level (Tan et al. 2020,
// section 4.1; zylo117 Classifier and Regressor, effdet HeadNet).
#pragma once

#include <fovea/blocks/bifpn.hpp>

namespace fovea::blocks {

inline constexpr std::size_t max_head_layers = 16;

// One head under construction: push_level() once a level, from fine to coarse.
template <class Builder>
class head_builder {
public:
    // `name` is the head's module; `out_channels` for all anchors of a cell.
    constexpr head_builder(Builder& b, int name, int layers, int out_channels,
                           const pyramid_settings& s) noexcept
        : b_(b), layers_(layers), out_channels_(out_channels), s_(s),
          convs_(b.child(name, s.is_zylo117() ? "conv_list" : "conv_rep")),
          norms_(b.child(name, s.is_zylo117() ? "bn_list" : "bn_rep")),
          last_(b.child(name, s.is_zylo117() ? "header" : "predict")) {}

    constexpr node_id push_level(node_id x, int level) noexcept {
        const int level_norms = s_.is_zylo117() ? b_.child(norms_, level) : norms_;
        for (int i = 0; i < layers_; ++i) {
            x = convolve(x, level, i);
            const int norm = name_norm(level_norms, level, i);
            x = b_.activate(b_.batch_norm(x, norm, s_.epsilon), norm, activation::silu);
        }
        return convolve(x, level, layers_);
    }

private:
    // Layer i, or the prediction behind the last one.
    constexpr node_id convolve(node_id x, int level, int i) noexcept {
        separable_layer& layer = shared_[static_cast<std::size_t>(i)];
        if (level > 0)
            return separable_conv_shared(b_, x, layer);
        const bool is_last = i == layers_;
        layer =
            separable_conv(b_, x, name_separable(b_, is_last ? last_ : b_.child(convs_, i), s_.names),
                           is_last ? out_channels_ : s_.channels, s_.tf_same, is_last || s_.pointwise_bias);
        return layer.pointwise;
    }
    // zylo117's are by level and layer, effdet's by layer and level.
    constexpr int name_norm(int level_norms, int level, int i) noexcept {
        if (s_.is_zylo117())
            return b_.child(level_norms, i);
        int& layer_norms = layer_norms_[static_cast<std::size_t>(i)];
        if (level == 0)
            layer_norms = b_.child(norms_, i);
        return b_.child(b_.child(layer_norms, level), "bn");
    }

    Builder& b_;
    int layers_, out_channels_;
    pyramid_settings s_;
    int convs_, norms_, last_; // name parts
    std::array<separable_layer, max_head_layers + 1> shared_{};
    std::array<int, max_head_layers> layer_norms_{}; // name parts
};

} // namespace fovea::blocks
