// What a predicted box costs by its overlap with the target: GIoU, DIoU and CIoU losses with gradients.
#pragma once

#include <fovea/train/loss/reduction.hpp>

#include <algorithm>
#include <cmath>

namespace fovea {

enum class box_iou_kind { giou, diou, ciou };

// A box, or the derivatives with respect to its corners; `box` for any number type.
template <class T>
struct corners {
    T x1{}, y1{}, x2{}, y2{};
};

template <class T>
struct box_iou_result {
    T value{};
    corners<T> gradient{}; // with respect to the predicted corners
};

namespace loss_detail {

template <class T>
constexpr corners<T> scaled(const corners<T>& c, T by) noexcept {
    return {c.x1 * by, c.y1 * by, c.x2 * by, c.y2 * by};
}

template <class T>
constexpr corners<T> sum(const corners<T>& a, const corners<T>& b) noexcept {
    return {a.x1 + b.x1, a.y1 + b.y1, a.x2 + b.x2, a.y2 + b.y2};
}

// The derivative of min(ours, theirs), and of max(theirs, ours) when they are swapped, with respect to
// ours: halves for equal numbers, as torch has it.
template <class T>
constexpr T share(T smaller, T larger) noexcept {
    return smaller < larger ? T(1) : smaller == larger ? T(0.5) : T(0);
}

// A positive quantity of two boxes and its derivatives with respect to the predicted one.
template <class T>
struct term {
    T value{};
    corners<T> slope{};
};

// (a / b)', for quantities a and b.
template <class T>
constexpr term<T> ratio(const term<T>& a, const term<T>& b) noexcept {
    const T value = a.value / b.value;
    return {value, sum(scaled(a.slope, 1 / b.value), scaled(b.slope, -value / b.value))};
}

template <class T>
term<T> intersection(const corners<T>& p, const corners<T>& t) noexcept {
    const T width = std::min(p.x2, t.x2) - std::max(p.x1, t.x1);
    const T height = std::min(p.y2, t.y2) - std::max(p.y1, t.y1);
    if (!(width > 0 && height > 0))
        return {};
    return {width * height,
            {-height * share(t.x1, p.x1), -width * share(t.y1, p.y1), height * share(p.x2, t.x2),
             width * share(p.y2, t.y2)}};
}

template <class T>
term<T> union_of(const corners<T>& p, const corners<T>& t, const term<T>& overlap) noexcept {
    const T width = p.x2 - p.x1, height = p.y2 - p.y1;
    return {width * height + (t.x2 - t.x1) * (t.y2 - t.y1) - overlap.value,
            sum({-height, -width, height, width}, scaled(overlap.slope, T(-1)))};
}

// Width and height of the smallest box around both, and the shares that the predicted corners have in them.
template <class T>
struct enclosing_box {
    T width, height;
    corners<T> share;
};

template <class T>
enclosing_box<T> enclosing(const corners<T>& p, const corners<T>& t) noexcept {
    return {std::max(p.x2, t.x2) - std::min(p.x1, t.x1),
            std::max(p.y2, t.y2) - std::min(p.y1, t.y1),
            {loss_detail::share(p.x1, t.x1), loss_detail::share(p.y1, t.y1), loss_detail::share(t.x2, p.x2),
             loss_detail::share(t.y2, p.y2)}};
}

// (enclosing area - union) / (enclosing area + eps)
template <class T>
term<T> empty_part(const corners<T>& p, const corners<T>& t, const term<T>& both, T eps) noexcept {
    const enclosing_box<T> e = enclosing(p, t);
    const term<T> area{
        e.width * e.height,
        {-e.height * e.share.x1, -e.width * e.share.y1, e.height * e.share.x2, e.width * e.share.y2}};
    return ratio<T>({area.value - both.value, sum(area.slope, scaled(both.slope, T(-1)))},
                    {area.value + eps, area.slope});
}

// Squared distance of the centers over the squared diagonal of the enclosing box (+ eps).
template <class T>
term<T> center_distance(const corners<T>& p, const corners<T>& t, T eps) noexcept {
    const T dx = (p.x2 + p.x1) / 2 - (t.x1 + t.x2) / 2, dy = (p.y2 + p.y1) / 2 - (t.y1 + t.y2) / 2;
    const enclosing_box<T> e = enclosing(p, t);
    return ratio<T>({dx * dx + dy * dy, {dx, dy, dx, dy}},
                    {e.width * e.width + e.height * e.height + eps,
                     {-2 * e.width * e.share.x1, -2 * e.height * e.share.y1, 2 * e.width * e.share.x2,
                      2 * e.height * e.share.y2}});
}

// alpha v of the CIoU paper; alpha is a constant to the derivative.
template <class T>
term<T> aspect_difference(const corners<T>& p, const corners<T>& t, T iou, T eps) noexcept {
    constexpr T factor = static_cast<T>(4 / (3.14159265358979323846 * 3.14159265358979323846));
    const T width = p.x2 - p.x1, height = p.y2 - p.y1;
    const T angle = std::atan((t.x2 - t.x1) / (t.y2 - t.y1)) - std::atan(width / height);
    const T v = factor * angle * angle, alpha = v / (1 - iou + v + eps);
    // d atan(w / h) = (h dw - w dh) / (w^2 + h^2)
    const T by = -2 * factor * alpha * angle / (width * width + height * height);
    return {alpha * v, {-by * height, by * width, by * height, -by * width}};
}

} // namespace loss_detail

// The loss of one predicted box: 1 - IoU, and for GIoU the part of the enclosing box that is in neither, for
// DIoU the distance of the centers, for CIoU also the difference of the aspect ratios. Not finite where a
// coordinate is not, and for CIoU of a box of no size. Source: torchvision.ops generalized_, distance_ and
// complete_box_iou_loss (eps in the union and the enclosing box; 1e-7 throughout for CIoU).
template <class T>
box_iou_result<T> box_iou_loss(box_iou_kind kind, const corners<T>& predicted, const corners<T>& target,
                               T eps = T(1e-7)) noexcept {
    using namespace loss_detail;
    const term<T> overlap = intersection(predicted, target), both = union_of(predicted, target, overlap);
    const T inner_eps = kind == box_iou_kind::ciou ? T(1e-7) : eps;
    const term<T> iou = ratio<T>(overlap, {both.value + inner_eps, both.slope});
    term<T> penalty = kind == box_iou_kind::giou ? empty_part(predicted, target, both, eps)
                                                 : center_distance(predicted, target, inner_eps);
    if (kind == box_iou_kind::ciou) {
        const term<T> aspect = aspect_difference(predicted, target, iou.value, eps);
        penalty = {penalty.value + aspect.value, sum(penalty.slope, aspect.slope)};
    }
    return {1 - iou.value + penalty.value, sum(penalty.slope, scaled(iou.slope, T(-1)))};
}

} // namespace fovea
