// The trainer of an EfficientDet: its loss on the anchors of its network's input.
#pragma once

#include <fovea/detect/map_size.hpp>
#include <fovea/train/loss/efficientdet.hpp>
#include <fovea/train/trainer.hpp>

#include <memory>
#include <utility>

namespace fovea {

struct efficientdet_trainer_settings : trainer_settings {
    efficientdet_loss_settings loss{};
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// For networks whose outputs are classification, logits without a background, and regression. Labels of
// ground_truth count from 1.
class efficientdet_trainer : public trainer<efficientdet_loss> {
public:
    // Throws input_error for settings out of range.
    efficientdet_trainer(training_network& net, const efficientdet_anchor_table& anchors,
                         std::unique_ptr<fovea::optimizer> updates,
                         const efficientdet_trainer_settings& settings, executor& ex)
        : trainer(net,
                  {efficientdet_anchors(anchors, size_of(net.shape_of(0))),
                   static_cast<std::size_t>(net.graph().outputs[0].row), settings.loss},
                  std::move(updates), settings, ex) {}
};

FOVEA_ARCH_NAMESPACE_END
