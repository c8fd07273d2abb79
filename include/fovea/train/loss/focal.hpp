// Focal losses: cross-entropy that fades out where the network is already right (Lin et al., 2017).
#pragma once

#include <fovea/train/loss/binary_cross_entropy.hpp>
#include <fovea/train/loss/reduction.hpp>
#include <fovea/train/loss/regression.hpp>

#include <cmath>

namespace fovea {

// alpha weighs the positives and 1 - alpha the negatives (negative alpha: no weights), gamma is the exponent
// of 1 - p. Defaults of torchvision.ops.sigmoid_focal_loss.
struct focal_settings {
    double alpha = 0.25;
    double gamma = 2;
    double label_smoothing = 0; // of the cross-entropy only, as the official EfficientDet has it
    reduction reduce = reduction::sum;
};

// weight (1 - p)^gamma cross_entropy for p = exp(-cross_entropy), and its derivative with respect to the
// cross-entropy: the focal loss on softmax probabilities.
template <class T>
value_and_slope<T> softmax_focal(T cross_entropy, T weight, T gamma) noexcept {
    const T exact = -std::expm1(-cross_entropy), q = exact < 0 ? T(0) : exact;
    const T power = std::pow(q, gamma);
    const T fading = q > 0 ? gamma * power / q * (1 - q) * cross_entropy : T(0);
    return {weight * power * cross_entropy, weight * (power + fading)};
}

// The focal loss of one logit against a target in [0, 1] and its derivative with respect to the logit.
template <class T>
value_and_slope<T> sigmoid_focal(T logit, T target, const focal_settings& settings) noexcept {
    const T alpha = static_cast<T>(settings.alpha), smoothing = static_cast<T>(settings.label_smoothing);
    const T p = sigmoid(logit), not_p = sigmoid(-logit);
    const T wrong = target * not_p + (1 - target) * p; // 1 - p_t
    const T power = std::pow(wrong, static_cast<T>(settings.gamma));
    const value_and_slope<T> entropy =
        binary_cross_entropy(logit, target * (1 - smoothing) + T(0.5) * smoothing);
    const T weight = alpha < 0 ? T(1) : alpha * target + (1 - alpha) * (1 - target);
    const T fading = wrong > 0 ? static_cast<T>(settings.gamma) * power / wrong * (1 - 2 * target) * p *
                                     not_p * entropy.value
                               : T(0);
    return {weight * power * entropy.value, weight * (power * entropy.slope + fading)};
}

// The same over any number of logits. gradient (as many; empty: not wanted) is the one of the returned value;
// losses (as many, or empty) gets every single loss, torch's reduction "none". Source: torchvision.ops
// sigmoid_focal_loss; with label smoothing google/automl efficientdet det_model_fn.py focal_loss (divide by
// its normalizer). Throws input_error for other sizes, targets outside [0, 1] and settings out of range.
template <class T>
double sigmoid_focal_loss(span<const T> logits, span<const T> targets, span<T> gradient,
                          const focal_settings& settings = {}, span<T> losses = {}) {
    const char* who = "sigmoid_focal_loss";
    loss_detail::require_binary_targets<T>(who, logits, targets, gradient, losses);
    if (!(settings.alpha <= 1) || !(settings.gamma >= 0))
        throw input_error(std::string(who) + ": alpha " + std::to_string(settings.alpha) + ", gamma " +
                          std::to_string(settings.gamma) + ", expected at most 1 and 0 or more");
    loss_detail::require_smoothing(who, settings.label_smoothing);
    const T scale = static_cast<T>(loss_detail::scale_of(settings.reduce, logits.size()));
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const value_and_slope<T> at = sigmoid_focal(logits[i], targets[i], settings);
        sum += static_cast<double>(at.value);
        if (!losses.empty())
            losses[i] = at.value;
        if (!gradient.empty())
            gradient[i] = at.slope * scale;
    }
    return loss_detail::reduced(settings.reduce, sum, logits.size());
}

} // namespace fovea
