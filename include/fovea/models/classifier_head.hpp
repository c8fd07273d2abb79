// The outputs of a classification network: logits, or the features under them.
#pragma once

#include <fovea/graph/builder.hpp>

namespace fovea {

// "logits" [N, classes].
template <class Builder>
constexpr void output_logits(Builder& b, node_id logits) noexcept {
    b.part(b.output("logits", layout::vector, 0, true), logits);
}

// "features" [N, C, H, W] and their mean, "embedding" [N, C].
template <class Builder>
constexpr void output_features(Builder& b, node_id map, node_id pooled) noexcept {
    b.part(b.output("features", layout::map), map);
    b.part(b.output("embedding", layout::vector), pooled);
}

} // namespace fovea
