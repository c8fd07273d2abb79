#include "data.hpp"

#include <fovea/train/loss/box_iou.hpp>

#include <limits>

using fovea::box_iou_kind;
using fovea::box_iou_result;
using fovea::corners;
using namespace fovea::test;

namespace {

constexpr double pi = 3.14159265358979323846;

constexpr std::pair<const char*, box_iou_kind> kinds[] = {
    {"giou", box_iou_kind::giou}, {"diou", box_iou_kind::diou}, {"ciou", box_iou_kind::ciou}};

template <class T>
corners<T> row(const std::vector<T>& values, std::size_t i) {
    return {values[4 * i], values[4 * i + 1], values[4 * i + 2], values[4 * i + 3]};
}

template <class T>
void check_kind(const golden_case& golden, const std::string& name, box_iou_kind kind) {
    const std::vector<T> predicted = numbers<T>(golden.input("pred")),
                         target = numbers<T>(golden.input("target"));
    const std::size_t count = predicted.size() / 4;
    std::vector<double> values, gradient;
    double mean = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const box_iou_result<T> loss = box_iou_loss(kind, row(predicted, i), row(target, i));
        values.push_back(static_cast<double>(loss.value));
        mean += values.back() / static_cast<double>(count);
        for (T g : {loss.gradient.x1, loss.gradient.y1, loss.gradient.x2, loss.gradient.y2})
            gradient.push_back(static_cast<double>(g)); // of the sum
    }
    check_golden(golden, name, values);
    check_golden(golden, name + "_mean", mean);
    check_golden(golden, "grad_" + name, gradient);
}

} // namespace

TEST_CASE("IoU losses of boxes and their gradients are torchvision's") {
    for (const golden_case& golden : loss_goldens("loss_box"))
        for (const auto& [name, kind] : kinds) {
            check_kind<float>(golden, name, kind);
            check_kind<double>(golden, name, kind);
        }
}

TEST_CASE("Gradients of IoU losses are derivatives: boxes that overlap, contain each other or are apart") {
    const std::vector<double> target{10, 20, 50, 45};
    const std::vector<std::vector<double>> predicted{{14, 25, 61, 52}, {-3, -4, 30, 31}, {20, 25, 40, 41},
                                                     {2, 3, 70, 81},   {60, 3, 90, 12},  {11, 60, 49, 71}};
    for (const auto& [name, kind] : kinds)
        for (const std::vector<double>& p : predicted) {
            CAPTURE(name, p);
            const box_iou_result<double> loss = box_iou_loss(kind, row(p, 0), row(target, 0));
            // alpha of CIoU is a constant to its derivative: here it is held at p.
            const auto held = [&, kind = kind](const std::vector<double>& x) {
                if (kind != box_iou_kind::ciou)
                    return box_iou_loss(kind, row(x, 0), row(target, 0)).value;
                const auto v = [&](const std::vector<double>& b) {
                    const double angle = std::atan(40.0 / 25.0) - std::atan((b[2] - b[0]) / (b[3] - b[1]));
                    return 4 / (pi * pi) * angle * angle;
                };
                const double diou = box_iou_loss(box_iou_kind::diou, row(p, 0), row(target, 0)).value;
                const double alpha = (loss.value - diou) / v(p);
                return box_iou_loss(box_iou_kind::diou, row(x, 0), row(target, 0)).value + alpha * v(x);
            };
            const auto& g = loss.gradient;
            check_gradient(p, {g.x1, g.y1, g.x2, g.y2}, held);
        }
}

TEST_CASE("IoU losses at the edges") {
    const corners<double> b{3, 4, 10, 12}, empty{5, 5, 5, 5};
    for (const auto& [name, kind] : kinds) {
        CAPTURE(name);
        const box_iou_result<double> same = box_iou_loss(kind, b, b);
        CHECK(same.value == Approx(0).margin(1e-8));
        const double nan = std::numeric_limits<double>::quiet_NaN();
        CHECK(std::isnan(box_iou_loss(kind, {nan, 4, 10, 12}, b).value));
        CHECK(std::isnan(box_iou_loss(kind, {3, 4, 10, nan}, b).value));
    }
    CHECK(box_iou_loss(box_iou_kind::giou, empty, b).value == Approx(1).epsilon(1e-6));
    CHECK(std::isnan(box_iou_loss(box_iou_kind::ciou, empty, b).value));
}
