// What EfficientDet pays for the box of one positive anchor: a loss of the deltas, or an IoU loss of the
// decoded box.
#pragma once

#include <fovea/train/loss/efficientdet_settings.hpp>
#include <fovea/train/loss/ssd_box.hpp>

#include <array>
#include <cstddef>
#include <limits>

namespace fovea {

// Deltas or derivatives with respect to them: dy, dx, dh, dw.
template <class T>
using deltas_of = std::array<T, 4>;

template <class T>
struct efficientdet_box_result {
    T value{};
    deltas_of<T> gradient{}; // with respect to the predicted deltas
};

namespace loss_detail {

template <class T>
efficientdet_box_result<T> decoded_deltas_loss(box_iou_kind kind, const deltas_of<T>& predicted,
                                               const box& target, const box& anchor) noexcept {
    const box_coder plain{1, 1, 1, 1, std::numeric_limits<float>::infinity()};
    const offsets_of<T> offsets{predicted[1], predicted[0], predicted[3], predicted[2]};
    const ssd_box_result<T> loss =
        decoded_box_loss(kind, plain, offsets, corners_of<T>(target), corners_of<T>(anchor));
    return {loss.value, {loss.gradient[1], loss.gradient[0], loss.gradient[3], loss.gradient[2]}};
}

} // namespace loss_detail

// The loss of predicted deltas [4] of an anchor that learns `target`; those of deltas are the sum over the
// four. Not finite where a delta is not.
template <class T>
efficientdet_box_result<T> efficientdet_box(const efficientdet_loss_settings& settings,
                                            const deltas_of<T>& predicted, const box& target,
                                            const box& anchor) noexcept {
    using loss_detail::decoded_deltas_loss;
    switch (settings.box_loss) {
    case efficientdet_box_loss::giou:
        return decoded_deltas_loss(box_iou_kind::giou, predicted, target, anchor);
    case efficientdet_box_loss::diou:
        return decoded_deltas_loss(box_iou_kind::diou, predicted, target, anchor);
    case efficientdet_box_loss::ciou:
        return decoded_deltas_loss(box_iou_kind::ciou, predicted, target, anchor);
    case efficientdet_box_loss::smooth_l1:
    case efficientdet_box_loss::huber:
        break;
    }
    const box_deltas encoded = settings.coder.encode(target, anchor);
    const T wanted[] = {static_cast<T>(encoded.dy), static_cast<T>(encoded.dx), static_cast<T>(encoded.dh),
                        static_cast<T>(encoded.dw)};
    const T width = static_cast<T>(settings.width);
    efficientdet_box_result<T> result;
    for (std::size_t k = 0; k < 4; ++k) {
        if (settings.skips_zero_targets && wanted[k] == T(0))
            continue;
        const T d = predicted[k] - wanted[k];
        const value_and_slope<T> at =
            settings.box_loss == efficientdet_box_loss::huber ? huber(d, width) : smooth_l1(d, width);
        result.value += at.value;
        result.gradient[k] = at.slope;
    }
    return result;
}

} // namespace fovea
