// What a regressed number costs: L1, smooth L1 and Huber, each with its slope.
#pragma once

#include <fovea/train/loss/reduction.hpp>

#include <cmath>

namespace fovea {

// A loss and its derivative with respect to what the network said.
template <class T>
struct value_and_slope {
    T value{}, slope{};
};

// |d|, for d = prediction - target. Slope 0 at 0, as in torch.
template <class T>
value_and_slope<T> l1(T d) noexcept {
    return {std::abs(d), d > 0 ? T(1) : d < 0 ? T(-1) : d * T(0)};
}

// d^2 / (2 beta) below beta, |d| - beta / 2 from there; L1 for beta 0. Source: torch smooth_l1_loss.
template <class T>
value_and_slope<T> smooth_l1(T d, T beta = 1) noexcept {
    if (std::abs(d) < beta)
        return {T(0.5) * d * d / beta, d / beta};
    const value_and_slope<T> linear = l1(d);
    return {linear.value - T(0.5) * beta, linear.slope};
}

// d^2 / 2 up to delta, delta (|d| - delta / 2) above: delta times smooth L1. Source: torch huber_loss.
template <class T>
value_and_slope<T> huber(T d, T delta = 1) noexcept {
    if (std::abs(d) <= delta)
        return {T(0.5) * d * d, d};
    const value_and_slope<T> linear = l1(d);
    return {delta * (linear.value - T(0.5) * delta), delta * linear.slope};
}

enum class regression_kind { l1, smooth_l1, huber };

struct regression_settings {
    regression_kind kind = regression_kind::smooth_l1;
    double width = 1; // beta of smooth L1 (>= 0), delta of Huber (> 0); L1 has none
    reduction reduce = reduction::mean;
};

// The loss of any number of predictions, with its gradient. gradient (as many; empty: not wanted) is the one
// of the returned value; losses (as many, or empty) gets every single loss, torch's reduction "none". The
// mean of nothing is NaN. Throws input_error for other sizes and for a width that is NaN or out of range.
template <class T>
double regression_loss(span<const T> predictions, span<const T> targets, span<T> gradient,
                       const regression_settings& settings = {}, span<T> losses = {}) {
    const char* who = "regression_loss";
    loss_detail::require_size(who, "targets", targets.size(), predictions.size());
    loss_detail::require_optional(who, "gradient", gradient.size(), predictions.size());
    loss_detail::require_optional(who, "losses", losses.size(), predictions.size());
    const bool huber_like = settings.kind == regression_kind::huber;
    if (settings.kind != regression_kind::l1 && !(settings.width >= 0 && (settings.width > 0 || !huber_like)))
        throw input_error(std::string(who) + ": width " + std::to_string(settings.width) +
                          (huber_like ? ", expected above 0" : ", expected 0 or more"));
    const T width = static_cast<T>(settings.width);
    const T scale = static_cast<T>(loss_detail::scale_of(settings.reduce, predictions.size()));
    double sum = 0;
    for (std::size_t i = 0; i < predictions.size(); ++i) {
        const T d = predictions[i] - targets[i];
        const value_and_slope<T> at = settings.kind == regression_kind::l1 ? l1(d)
                                      : huber_like                         ? huber(d, width)
                                                                           : smooth_l1(d, width);
        sum += static_cast<double>(at.value);
        if (!losses.empty())
            losses[i] = at.value;
        if (!gradient.empty())
            gradient[i] = at.slope * scale;
    }
    return loss_detail::reduced(settings.reduce, sum, predictions.size());
}

} // namespace fovea
