// Binary cross-entropy of logits: independent yes-or-no questions.
#pragma once

#include <fovea/train/loss/reduction.hpp>
#include <fovea/train/loss/regression.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>

namespace fovea {

// 1 / (1 + exp(-x)), without overflow.
template <class T>
T sigmoid(T x) noexcept {
    const T e = std::exp(-std::abs(x));
    return (x >= 0 ? T(1) : e) / (1 + e);
}

// -target log sigmoid(logit) - (1 - target) log sigmoid(-logit) and its derivative with respect to the logit.
template <class T>
value_and_slope<T> binary_cross_entropy(T logit, T target) noexcept {
    const T value = (logit > 0 ? logit : T(0)) - logit * target + std::log1p(std::exp(-std::abs(logit)));
    return {value, sigmoid(logit) - target};
}

namespace loss_detail {

template <class T>
void require_binary_targets(const char* who, span<const T> logits, span<const T> targets, span<T> gradient,
                            span<T> losses) {
    require_size(who, "targets", targets.size(), logits.size());
    require_optional(who, "gradient", gradient.size(), logits.size());
    require_optional(who, "losses", losses.size(), logits.size());
    for (std::size_t i = 0; i < targets.size(); ++i)
        if (!(targets[i] >= 0 && targets[i] <= 1))
            throw input_error(std::string(who) + ": target " + std::to_string(i) + " is " +
                              std::to_string(targets[i]) + ", expected 0 .. 1");
}

} // namespace loss_detail

// The loss of any number of logits against targets in [0, 1]. gradient (as many; empty: not wanted) is the
// one of the returned value; losses (as many, or empty) gets every single loss, torch's reduction "none". The
// mean of nothing is NaN. Throws input_error for other sizes and targets out of range. Source: torch
// binary_cross_entropy_with_logits.
template <class T>
double binary_cross_entropy_loss(span<const T> logits, span<const T> targets, span<T> gradient,
                                 reduction reduce = reduction::mean, span<T> losses = {}) {
    loss_detail::require_binary_targets<T>("binary_cross_entropy_loss", logits, targets, gradient, losses);
    const T scale = static_cast<T>(loss_detail::scale_of(reduce, logits.size()));
    double sum = 0;
    for (std::size_t i = 0; i < logits.size(); ++i) {
        const value_and_slope<T> at = binary_cross_entropy(logits[i], targets[i]);
        sum += static_cast<double>(at.value);
        if (!losses.empty())
            losses[i] = at.value;
        if (!gradient.empty())
            gradient[i] = at.slope * scale;
    }
    return loss_detail::reduced(reduce, sum, logits.size());
}

} // namespace fovea
