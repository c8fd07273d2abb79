// Softmax cross-entropy of classifiers and segmenters, with label smoothing and labels to ignore.
#pragma once

#include <fovea/train/loss/reduction.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

namespace fovea {

// Arguments of torch's cross_entropy.
struct cross_entropy_settings {
    double label_smoothing = 0; // this much of the target is spread evenly over all classes
    int ignore_index = -100;    // rows of this label cost nothing and do not count in the mean
    reduction reduce = reduction::mean;
};

namespace loss_detail {

// log(sum(exp(x))) in double; NaN or +infinity if one of the values is.
template <class T>
double log_sum_exp(span<const T> x) noexcept {
    double largest = -std::numeric_limits<double>::infinity(), sum = 0;
    for (T v : x)
        largest = std::max(largest, static_cast<double>(v));
    for (T v : x)
        sum += std::exp(static_cast<double>(v) - largest);
    return largest + std::log(sum);
}

// -sum(target log softmax(x)) for the smoothed target, and in `gradient` (a row, or empty) scale times its
// gradient.
template <class T>
double smoothed_cross_entropy(span<const T> x, std::size_t label, double smoothing, double scale,
                              span<T> gradient) noexcept {
    const double log_sum = log_sum_exp(x), even = smoothing / static_cast<double>(x.size());
    double loss = 0;
    for (std::size_t c = 0; c < x.size(); ++c) {
        const double log_probability = static_cast<double>(x[c]) - log_sum;
        const double target = even + (c == label ? 1 - smoothing : 0);
        if (target > 0) // 0 * infinity
            loss -= target * log_probability;
        if (!gradient.empty())
            gradient[c] = static_cast<T>(scale * (std::exp(log_probability) - target));
    }
    return loss;
}

template <class T>
std::size_t check_cross_entropy(span<const T> logits, std::size_t num_classes, span<const int> labels,
                                span<T> gradient, const cross_entropy_settings& settings, span<T> losses) {
    const char* who = "cross_entropy";
    if (num_classes == 0)
        throw input_error("cross_entropy: no classes");
    require_size(who, "logits", logits.size(), labels.size() * num_classes);
    require_optional(who, "gradient", gradient.size(), logits.size());
    require_optional(who, "losses", losses.size(), labels.size());
    require_smoothing(who, settings.label_smoothing);
    std::size_t counted = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == settings.ignore_index)
            continue;
        if (labels[i] < 0 || static_cast<std::size_t>(labels[i]) >= num_classes)
            throw input_error("cross_entropy: row " + std::to_string(i) + " has label " +
                              std::to_string(labels[i]) + ", expected 0 .. " + std::to_string(num_classes) +
                              " - 1 or " + std::to_string(settings.ignore_index) + " to ignore it");
        ++counted;
    }
    return counted;
}

} // namespace loss_detail

// logits [N, num_classes] row-major and one label a row: images of a batch, or pixels in NHWC order. gradient
// (the shape of logits; empty: not wanted) is the one of the returned value; losses ([N], or empty) gets the
// loss of every row, 0 for ignored ones: torch's reduction "none". The mean over no rows is NaN with a
// gradient of zeros, as in torch. Sums are double. Throws input_error for other sizes, labels out of range
// and a smoothing outside 0 .. 1. Source: torch.nn.functional.cross_entropy.
template <class T>
double cross_entropy(span<const T> logits, std::size_t num_classes, span<const int> labels, span<T> gradient,
                     const cross_entropy_settings& settings = {}, span<T> losses = {}) {
    const std::size_t counted =
        loss_detail::check_cross_entropy<T>(logits, num_classes, labels, gradient, settings, losses);
    const double scale = loss_detail::scale_of(settings.reduce, counted);
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
        const span<T> slopes = gradient.empty() ? gradient : gradient.subspan(i * num_classes, num_classes);
        double loss = 0;
        if (labels[i] == settings.ignore_index)
            std::fill(slopes.begin(), slopes.end(), T(0));
        else
            loss = loss_detail::smoothed_cross_entropy<T>(logits.subspan(i * num_classes, num_classes),
                                                          static_cast<std::size_t>(labels[i]),
                                                          settings.label_smoothing, scale, slopes);
        sum += loss;
        if (!losses.empty())
            losses[i] = static_cast<T>(loss);
    }
    return loss_detail::reduced(settings.reduce, sum, counted);
}

} // namespace fovea
