// What an SSD pays for the box of one positive anchor: smooth L1 of the offsets, or an IoU loss of the
// decoded box.
#pragma once

#include <fovea/train/loss/regression.hpp>
#include <fovea/train/loss/ssd_settings.hpp>

#include <algorithm>
#include <array>
#include <cmath>

namespace fovea {

// Offsets or derivatives with respect to them: dx, dy, dw, dh.
template <class T>
using offsets_of = std::array<T, 4>;

template <class T>
struct ssd_box_result {
    T value{};
    offsets_of<T> gradient{}; // with respect to the predicted offsets
};

namespace loss_detail {

template <class T>
corners<T> corners_of(const box& b) noexcept {
    return {static_cast<T>(b.x1), static_cast<T>(b.y1), static_cast<T>(b.x2), static_cast<T>(b.y2)};
}

// box_coder::encode in T.
template <class T>
offsets_of<T> encode(const box_coder& coder, const corners<T>& target, const corners<T>& anchor) noexcept {
    const T width = anchor.x2 - anchor.x1, height = anchor.y2 - anchor.y1;
    const T target_width = target.x2 - target.x1, target_height = target.y2 - target.y1;
    const T dx = (target.x1 + T(0.5) * target_width) - (anchor.x1 + T(0.5) * width);
    const T dy = (target.y1 + T(0.5) * target_height) - (anchor.y1 + T(0.5) * height);
    return {static_cast<T>(coder.wx) * dx / width, static_cast<T>(coder.wy) * dy / height,
            static_cast<T>(coder.ww) * std::log(target_width / width),
            static_cast<T>(coder.wh) * std::log(target_height / height)};
}

// One axis of box_coder::decode in T: the two edges, and their derivatives with respect to shift and scale.
template <class T>
struct decoded_axis {
    T low, high;
    T shift_slope; // of both edges
    T scale_slope; // of the upper edge; the lower one has its negative

    decoded_axis(T shift, T scale, T shift_weight, T scale_weight, T max_log_scale, T a, T b) noexcept {
        const T side = b - a, log_scale = scale / scale_weight;
        const T half = T(0.5) * side * std::exp(log_scale > max_log_scale ? max_log_scale : log_scale);
        const T center = shift / shift_weight * side + (a + T(0.5) * side);
        low = center - half;
        high = center + half;
        shift_slope = side / shift_weight;
        scale_slope = log_scale > max_log_scale ? T(0) : half / scale_weight;
    }
};

template <class T>
ssd_box_result<T> decoded_box_loss(box_iou_kind kind, const box_coder& coder, const offsets_of<T>& predicted,
                                   const corners<T>& target, const corners<T>& anchor) noexcept {
    const T limit = static_cast<T>(coder.max_log_scale);
    const decoded_axis<T> x(predicted[0], predicted[2], static_cast<T>(coder.wx), static_cast<T>(coder.ww),
                            limit, anchor.x1, anchor.x2);
    const decoded_axis<T> y(predicted[1], predicted[3], static_cast<T>(coder.wy), static_cast<T>(coder.wh),
                            limit, anchor.y1, anchor.y2);
    const box_iou_result<T> loss = box_iou_loss<T>(kind, {x.low, y.low, x.high, y.high}, target);
    const corners<T>& g = loss.gradient;
    return {loss.value,
            {(g.x1 + g.x2) * x.shift_slope, (g.y1 + g.y2) * y.shift_slope, (g.x2 - g.x1) * x.scale_slope,
             (g.y2 - g.y1) * y.scale_slope}};
}

} // namespace loss_detail

// The loss of predicted offsets [4] of an anchor that learns `target`; smooth L1 is the sum over the four.
// Not finite where an offset is not.
template <class T>
ssd_box_result<T> ssd_box(const ssd_loss_settings& settings, const offsets_of<T>& predicted,
                          const box& target, const box& anchor) noexcept {
    using namespace loss_detail;
    const corners<T> to = corners_of<T>(target), from = corners_of<T>(anchor);
    switch (settings.box_loss) {
    case ssd_box_loss::giou:
        return decoded_box_loss(box_iou_kind::giou, settings.coder, predicted, to, from);
    case ssd_box_loss::diou:
        return decoded_box_loss(box_iou_kind::diou, settings.coder, predicted, to, from);
    case ssd_box_loss::ciou:
        return decoded_box_loss(box_iou_kind::ciou, settings.coder, predicted, to, from);
    case ssd_box_loss::smooth_l1:
        break;
    }
    const offsets_of<T> encoded = encode(settings.coder, to, from);
    ssd_box_result<T> result;
    for (std::size_t k = 0; k < 4; ++k) {
        const value_and_slope<T> at = smooth_l1(predicted[k] - encoded[k], static_cast<T>(settings.beta));
        result.value += at.value;
        result.gradient[k] = at.slope;
    }
    return result;
}

} // namespace fovea
