// The trainer of a classifier: cross-entropy with label smoothing of its logits.
#pragma once

#include <fovea/train/loss/cross_entropy.hpp>
#include <fovea/train/trainer.hpp>

#include <memory>
#include <utility>

namespace fovea {

// The mean over a batch.
struct classification_loss_values {
    double classification = 0;

    double total() const noexcept { return classification; }
};

// As trainer takes it. Rows are few: they are one task.
struct classification_loss {
    cross_entropy_settings settings{};
};

struct classification_trainer_settings : trainer_settings {
    cross_entropy_settings loss{}; // its reduction is the mean
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// Output 0 are logits [batch, classes]. Throws input_error for labels out of range.
inline classification_loss_values differentiate(classification_loss& loss, training_network& net,
                                                span<const int> labels, executor&) {
    return {cross_entropy<float>(net.output(0), net.output_floats(0), labels, net.output_gradient(0), loss.settings)};
}

// For networks whose output is logits; a truth is an image's label from 0.
class classification_trainer : public trainer<classification_loss, int> {
public:
    // Throws input_error for settings out of range.
    classification_trainer(training_network& net, std::unique_ptr<fovea::optimizer> updates,
                           const classification_trainer_settings& settings, executor& ex)
        : trainer(net, {settings.loss}, std::move(updates), settings, ex) {}
};

FOVEA_ARCH_NAMESPACE_END
