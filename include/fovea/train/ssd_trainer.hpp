// The trainer of an SSD: its loss on the boxes that its network's maps have.
#pragma once

#include <fovea/models/detector.hpp>
#include <fovea/train/loss/ssd.hpp>
#include <fovea/train/trainer.hpp>

#include <memory>
#include <utility>

namespace fovea {

struct ssd_trainer_settings : trainer_settings {
    ssd_loss_settings loss{};
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// For networks whose outputs are cls_logits and bbox_regression.
class ssd_trainer : public trainer<ssd_loss> {
public:
    // Throws input_error for settings out of range.
    ssd_trainer(training_network& net, const default_box_table& boxes, std::unique_ptr<fovea::optimizer> updates,
                const ssd_trainer_settings& settings, executor& ex)
        : trainer(net,
                  {boxes_of(net.graph(), boxes, net.shape_of(0), [&](node_id i) { return net.shape_of(i); }),
                   static_cast<std::size_t>(net.graph().outputs[0].row), settings.loss},
                  std::move(updates), settings, ex) {}
};

FOVEA_ARCH_NAMESPACE_END
