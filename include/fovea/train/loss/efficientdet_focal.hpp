// EfficientDet's focal loss of many logits: almost all of them say no, a vector at a time, few say yes.
#pragma once

#include <fovea/arch.hpp>
#include <fovea/detect/lanes.hpp>
#include <fovea/kernels/simd/exponential.hpp>
#include <fovea/train/loss/efficientdet_settings.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <functional>

namespace fovea {

// sigmoid_focal() of a score that is clamped to least_probability .. 1 - least_probability: beyond, the value
// stays and the slope is 0.
template <class T>
value_and_slope<T> clamped_focal(T logit, T target, const efficientdet_loss_settings& s) noexcept {
    const T bound = static_cast<T>(std::log1p(-s.least_probability) - std::log(s.least_probability));
    const T inside = logit > bound ? bound : logit < -bound ? -bound : logit; // NaN stays NaN
    value_and_slope<T> loss = sigmoid_focal(inside, target, loss_detail::focal_of(s));
    if (inside != logit && !std::isnan(logit))
        loss.slope = 0;
    return loss;
}

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

// clamped_focal() of runs of logits whose target is 0.
class focal_negatives {
public:
    explicit focal_negatives(const efficientdet_loss_settings& s) noexcept
        : weight_(static_cast<float>(s.alpha < 0 ? 1.0 : 1.0 - s.alpha)), gamma_(static_cast<float>(s.gamma)),
          target_(static_cast<float>(0.5 * s.label_smoothing)),
          bound_(static_cast<float>(std::log1p(-s.least_probability) - std::log(s.least_probability))) {}

    // The sum of the losses of `count` logits; scale times their slopes go to `gradient` unless that is null.
    // Lanes are added up in float for some vectors, and those sums in double.
    double operator()(const float* logits, std::size_t count, float scale, float* gradient) const noexcept {
        constexpr std::size_t stretch = 64 * vector::size;
        double sum = 0;
        std::size_t i = 0;
        while (i + vector::size <= count) {
            const std::size_t end = std::min(count, i + stretch);
            vector lanes(0.0F);
            for (; i + vector::size <= end; i += vector::size) {
                const loss at = loss_of(vector::load_unaligned(logits + i));
                lanes += at.value;
                if (gradient != nullptr)
                    (at.slope * vector(scale)).store_unaligned(gradient + i);
            }
            sum += static_cast<double>(fold_lanes(lanes, std::plus<>()));
        }
        return i < count
                   ? sum + tail(logits + i, count - i, scale, gradient == nullptr ? nullptr : gradient + i)
                   : sum;
    }

private:
    struct loss {
        vector value, slope;
    };

    double tail(const float* logits, std::size_t count, float scale, float* gradient) const noexcept {
        float padded[vector::size] = {};
        std::copy(logits, logits + count, padded);
        const loss at = loss_of(vector::load_unaligned(padded));
        (at.slope * vector(scale)).store_unaligned(padded);
        if (gradient != nullptr)
            std::copy(padded, padded + count, gradient);
        const vector counted = xsimd::select(first_lanes(count), at.value, vector(0.0F));
        return static_cast<double>(fold_lanes(counted, std::plus<>()));
    }

    // With q = 1 - p: weight p^gamma (softplus(x) - target x) and its derivative.
    loss loss_of(vector logit) const noexcept {
        const vector zero(0.0F), one(1.0F), target(target_), weight(weight_);
        const vector x = xsimd::min(vector(bound_), xsimd::max(vector(-bound_), logit)); // NaN stays NaN
        const vector e = exponential(-xsimd::abs(x)), inverse = one / (one + e), log = xsimd::log1p(e);
        const auto positive = x >= zero;
        const vector p = xsimd::select(positive, inverse, e * inverse);
        const vector q = xsimd::select(positive, e * inverse, inverse);
        const vector entropy = xsimd::max(zero, x) + log - target * x;
        const vector power = weight * power_of(p, xsimd::min(zero, x) - log);
        const vector slope = power * (p - target + vector(gamma_) * q * entropy);
        return {power * entropy, xsimd::select(xsimd::abs(logit) > vector(bound_), zero, slope)};
    }

    // p^gamma.
    vector power_of(vector p, vector log_p) const noexcept {
        if (gamma_ == 2.0F)
            return p * p;
        if (gamma_ == 1.5F)
            return p * xsimd::sqrt(p);
        return exponential(vector(gamma_) * log_p);
    }

    float weight_, gamma_, target_, bound_;
};

FOVEA_ARCH_NAMESPACE_END
