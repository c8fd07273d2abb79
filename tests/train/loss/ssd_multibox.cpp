#include "data.hpp"

#include <fovea/train/loss/ssd_multibox.hpp>

#include <limits>

using fovea::input_error;
using fovea::ssd_multibox_batch;
using fovea::ssd_multibox_loss;
using fovea::ssd_multibox_losses;
using fovea::ssd_multibox_settings;
using namespace fovea::test;

namespace {

template <class T>
struct multibox_case {
    std::size_t images, anchors, classes;
    std::vector<T> cls_pred, box_pred, box_target;
    std::vector<int> cls_target;

    explicit multibox_case(const golden_case& golden)
        : images(golden.input("cls_pred").shape[0]), anchors(golden.input("cls_pred").shape[1]),
          classes(golden.input("cls_pred").shape[2]), cls_pred(numbers<T>(golden.input("cls_pred"))),
          box_pred(numbers<T>(golden.input("box_pred"))), box_target(numbers<T>(golden.input("box_target"))),
          cls_target(numbers<int>(golden.input("cls_target"))) {}

    ssd_multibox_batch<T> batch() const {
        return {images, anchors, classes, cls_pred, box_pred, cls_target, box_target};
    }
};

multibox_case<double> own_case() {
    return multibox_case<double>(own_golden("train/loss", "loss_ssd_gluoncv"));
}

double total(const multibox_case<double>& c, const ssd_multibox_settings& settings) {
    double sum = 0;
    for (double loss : ssd_multibox_loss<double>(c.batch(), {}, {}, settings).sum)
        sum += loss;
    return sum;
}

} // namespace

TEST_CASE("Batch-wise and sample-wise losses are GluonCV's") {
    for (const golden_case& golden : loss_goldens("loss_ssd_gluoncv")) {
        const multibox_case<float> c(golden);
        for (const auto& [kind, sample_wise] : {std::pair("batchwise", false), std::pair("samplewise", true)})
            for (const auto& [suffix, least] : {std::pair("", 0.0), std::pair("_minhard5", 5.0)}) {
                ssd_multibox_settings settings;
                settings.sample_wise = sample_wise;
                settings.min_hard_negatives = least;
                std::vector<float> cls_gradient(c.cls_pred.size(), 9), box_gradient(c.box_pred.size(), 9);
                const ssd_multibox_losses losses =
                    ssd_multibox_loss<float>(c.batch(), cls_gradient, box_gradient, settings);
                const std::string name = std::string(kind) + suffix;
                check_golden(golden, "sum_" + name, losses.sum);
                check_golden(golden, "cls_" + name, losses.cls);
                check_golden(golden, "box_" + name, losses.box);
                if (least > 0)
                    continue;
                check_golden(golden, "grad_cls_" + name, cls_gradient);
                check_golden(golden, "grad_box_" + name, box_gradient);
            }
    }
}

TEST_CASE("Gradients of GluonCV's SSD loss are derivatives") {
    const multibox_case<double> c = own_case();
    for (bool sample_wise : {false, true}) {
        const ssd_multibox_settings settings{2, 0.5, 1.7, 4, sample_wise};
        std::vector<double> cls_gradient(c.cls_pred.size()), box_gradient(c.box_pred.size());
        ssd_multibox_loss<double>(c.batch(), cls_gradient, box_gradient, settings);
        multibox_case<double> moved = c;
        check_gradient(c.cls_pred, cls_gradient, [&](const std::vector<double>& x) {
            moved.cls_pred = x;
            return total(moved, settings);
        });
        moved = c;
        check_gradient(c.box_pred, box_gradient, [&](const std::vector<double>& x) {
            moved.box_pred = x;
            return total(moved, settings);
        });
    }
}

TEST_CASE("Without positives all is 0 unless negatives are asked for; ignored anchors never count") {
    multibox_case<double> c = own_case();
    std::fill(c.cls_target.begin(), c.cls_target.end(), 0);
    CHECK(total(c, {}) == 0);
    ssd_multibox_settings settings;
    settings.min_hard_negatives = 2;
    CHECK(total(c, settings) > 0);
    std::fill(c.cls_target.begin(), c.cls_target.end(), -1);
    CHECK(total(c, settings) == 0);
}

TEST_CASE("GluonCV's SSD loss names the target that cannot be learnt") {
    const multibox_case<double> good = own_case();
    const auto refused = [&](const auto& change, const std::string& message) {
        multibox_case<double> c = good;
        change(c);
        CHECK_THROWS_WITH(total(c, {}), message);
    };
    refused([](auto& c) { c.cls_target[c.anchors + 3] = 4; },
            "ssd_multibox_loss: label 4 of image 1, anchor 3, expected 0 .. 4 - 1 or -1 to ignore it");
    refused([](auto& c) { c.cls_target[0] = -2; },
            "ssd_multibox_loss: label -2 of image 0, anchor 0, expected 0 .. 4 - 1 or -1 to ignore it");
    refused(
        [](auto& c) {
            c.cls_target[1] = 1;
            c.box_target[5] = std::nan("");
        },
        "ssd_multibox_loss: the box target of image 0, anchor 1 is not finite");
    refused([](auto& c) { c.box_pred.pop_back(); },
            "ssd_multibox_loss: box_pred has 359 values, expected 360");
    refused([](auto& c) { c.cls_target.pop_back(); },
            "ssd_multibox_loss: cls_target has 89 values, expected 90");
    refused([](auto& c) { c.classes = 0; }, "ssd_multibox_loss: no classes");
    std::vector<double> few(3);
    CHECK_THROWS_AS(ssd_multibox_loss<double>(good.batch(), few, {}), input_error);
    CHECK_THROWS_AS(ssd_multibox_loss<double>(good.batch(), {}, few), input_error);
    for (double bad : {-1.0, std::nan("")}) {
        CHECK_THROWS_AS(total(good, {bad}), input_error);
        CHECK_THROWS_AS(total(good, {3, bad}), input_error);
        CHECK_THROWS_AS(total(good, {3, 1, bad}), input_error);
        CHECK_THROWS_AS(total(good, {3, 1, 1, bad}), input_error);
    }
}
