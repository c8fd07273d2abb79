#include "ssd_case.hpp"
#include "support/executors.hpp"

#include <fovea/train/loss/ssd.hpp>
#include <fovea/train/loss/ssd_reference.hpp>

#include <limits>

using fovea::box;
using fovea::ground_truth;
using fovea::input_error;
using fovea::sequential_executor;
using fovea::ssd_box_loss;
using fovea::ssd_class_loss;
using fovea::ssd_loss;
using fovea::ssd_loss_settings;
using fovea::ssd_loss_values;
using namespace fovea::test;

namespace {

using outcome = loss_outcome<ssd_loss_values>;

outcome run(const ssd_case& c, const ssd_loss_settings& settings) {
    ssd_loss loss(c.anchors, c.classes, settings);
    sequential_executor ex;
    return run(loss, c, ex);
}

// All combinations of losses, some with weights.
std::vector<ssd_loss_settings> all_settings() {
    std::vector<ssd_loss_settings> all;
    for (ssd_box_loss box :
         {ssd_box_loss::smooth_l1, ssd_box_loss::giou, ssd_box_loss::diou, ssd_box_loss::ciou})
        for (ssd_class_loss cls : {ssd_class_loss::hard_negatives, ssd_class_loss::focal}) {
            ssd_loss_settings s;
            s.box_loss = box;
            s.class_loss = cls;
            all.push_back(s);
        }
    ssd_loss_settings weighted;
    weighted.box_weight = 2.5;
    weighted.class_weight = 0.5;
    weighted.beta = 0.2;
    weighted.neg_to_pos_ratio = 1.5;
    weighted.iou_thresh = 0.3F;
    all.push_back(weighted);
    weighted.class_loss = ssd_class_loss::focal;
    weighted.alpha = -1;
    weighted.gamma = 0.5;
    all.push_back(weighted);
    return all;
}

ssd_loss_values reference(const ssd_case& c, const ssd_loss_settings& s, const std::vector<double>& logits,
                          const std::vector<double>& offsets, fovea::span<double> cls_gradient = {},
                          fovea::span<double> box_gradient = {}) {
    return fovea::ssd_loss_reference<double>(c.anchors, c.classes, s, logits, offsets, c.targets(),
                                             cls_gradient, box_gradient);
}

void check_close(const std::vector<float>& got, const std::vector<double>& want) {
    REQUIRE(got.size() == want.size());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::abs(want[i]));
        worst = std::max(worst, std::abs(want[i] - static_cast<double>(got[i])));
    }
    CHECK(worst <= 2e-6 * largest);
}

} // namespace

TEST_CASE("The SSD loss is torchvision's") {
    for (const golden_case& golden : loss_goldens("loss_ssd_torchvision")) {
        const std::vector<box> anchors = boxes(golden.input("anchors"));
        std::vector<std::vector<box>> objects;
        std::vector<std::vector<int>> labels;
        for (const golden_input& input : golden.inputs)
            if (input.name.rfind("gt", 0) == 0) {
                objects.push_back(boxes(golden.input(input.name)));
                labels.push_back(numbers<int>(golden.input("labels" + input.name.substr(2))));
            }
        std::vector<ground_truth> targets;
        for (std::size_t i = 0; i < objects.size(); ++i)
            targets.push_back({objects[i], labels[i]});
        const array cls_logits = golden.input("cls_logits");
        const std::vector<float> logits = numbers<float>(cls_logits),
                                 offsets = numbers<float>(golden.input("bbox_regression"));
        std::vector<float> cls_gradient(logits.size(), 9), box_gradient(offsets.size(), 9);
        const auto check = [&](const ssd_loss_values& values) {
            check_golden(golden, "classification", values.classification);
            check_golden(golden, "bbox_regression", values.bbox_regression);
            check_golden(golden, "grad_cls_logits", cls_gradient);
            check_golden(golden, "grad_bbox_regression", box_gradient);
        };
        ssd_loss loss(anchors, cls_logits.shape[2]);
        sequential_executor ex;
        check(loss(logits, offsets, targets, cls_gradient, box_gradient, ex));
        for (std::size_t i = 0; i < targets.size(); ++i) {
            std::vector<int> matched;
            for (int match : loss.matches(i))
                matched.push_back(std::max(match, fovea::below_low_threshold));
            check_golden(golden, "matched_" + std::to_string(i), matched);
        }
        check(fovea::ssd_loss_reference<float>(anchors, cls_logits.shape[2], {}, logits, offsets, targets,
                                               cls_gradient, box_gradient));
    }
}

TEST_CASE("The vector form of the SSD loss equals its definition, for any number of classes") {
    for (std::size_t classes : {2U, 3U, 4U, 5U, 7U, 8U, 9U, 15U, 16U, 17U, 21U, 32U, 33U, 91U}) {
        const ssd_case c(90, classes, {3, 0, 5, 1}, static_cast<unsigned>(classes));
        for (const ssd_loss_settings& s : all_settings()) {
            CAPTURE(classes, static_cast<int>(s.box_loss), static_cast<int>(s.class_loss), s.box_weight);
            std::vector<double> cls_gradient(c.logits.size()), box_gradient(c.offsets.size());
            const ssd_loss_values want = reference(c, s, c.logits, c.offsets, cls_gradient, box_gradient);
            const outcome got = run(c, s);
            CHECK(got.values.positives == want.positives);
            CHECK(want.positives >= 8);
            CHECK(got.values.classification == Approx(want.classification).epsilon(1e-5));
            CHECK(got.values.bbox_regression == Approx(want.bbox_regression).epsilon(1e-5));
            check_close(got.cls_gradient, cls_gradient);
            check_close(got.box_gradient, box_gradient);
        }
    }
}

TEST_CASE("Gradients of the SSD loss are derivatives") {
    const ssd_case c(70, 4, {2, 0, 3}, 5);
    for (const ssd_loss_settings& s : all_settings()) {
        if (s.box_loss == ssd_box_loss::ciou) // no derivative: tests/train/loss/box_iou.cpp
            continue;
        CAPTURE(static_cast<int>(s.box_loss), static_cast<int>(s.class_loss), s.box_weight);
        std::vector<double> cls_gradient(c.logits.size()), box_gradient(c.offsets.size());
        reference(c, s, c.logits, c.offsets, cls_gradient, box_gradient);
        check_gradient(
            c.logits, cls_gradient,
            [&](const std::vector<double>& x) { return reference(c, s, x, c.offsets).total(); }, 5);
        check_gradient(
            c.offsets, box_gradient,
            [&](const std::vector<double>& x) { return reference(c, s, c.logits, x).total(); }, 5);
    }
}

TEST_CASE("The SSD loss and its gradients are the same bits on every executor") {
    const ssd_case c(200, 9, {3, 0, 7, 1, 0, 4, 2});
    for (const ssd_loss_settings& s : {all_settings()[0], all_settings()[3]}) {
        const outcome want = run(c, s);
        for (const auto& [name, ex] : all_executors()) {
            CAPTURE(name);
            ssd_loss loss(c.anchors, c.classes, s);
            for (int repetition = 0; repetition < 2; ++repetition)
                check_same(run(loss, c, *ex), want);
        }
    }
}

TEST_CASE("Images without objects give no loss and no gradient, but count for focal loss") {
    const ssd_case c(40, 5, {0, 0});
    const outcome mined = run(c, {});
    CHECK(mined.values.total() == 0);
    CHECK(mined.values.positives == 0);
    CHECK(mined.cls_gradient == std::vector<float>(c.logits.size(), 0.0F));
    CHECK(mined.box_gradient == std::vector<float>(c.offsets.size(), 0.0F));
    ssd_loss_settings s;
    s.class_loss = ssd_class_loss::focal;
    const outcome focal = run(c, s);
    CHECK(focal.values.classification > 0);
    CHECK(focal.values.bbox_regression == 0);
    CHECK(focal.cls_gradient[0] < 0); // the background gains
}

TEST_CASE("Batches of other sizes reuse one SSD loss, gradients may be left out") {
    const ssd_case large(60, 6, {2, 3, 1, 0}), small(60, 6, {4});
    ssd_loss loss(large.anchors, 6);
    sequential_executor ex;
    const outcome first = run(loss, large, ex);
    ssd_case moved = small;
    moved.anchors = large.anchors;
    CHECK(run(loss, moved, ex).cls_gradient == run(moved, {}).cls_gradient);
    const ssd_loss_values values =
        loss(to_float(large.logits), to_float(large.offsets), large.targets(), {}, {}, ex);
    CHECK(values.classification == first.values.classification);
    CHECK(values.bbox_regression == first.values.bbox_regression);
    CHECK(loss({}, {}, {}, {}, {}, ex).total() == 0); // no images
    CHECK(loss.anchors() == 60);
    CHECK(loss.num_classes() == 6);
}

TEST_CASE("More hard negatives than negatives are all of them, once") {
    ssd_case c(10, 3, {2});
    for (std::size_t a = 0; a < 8; ++a)
        c.anchors[a] = c.boxes[0][a % 2];
    ssd_loss loss(c.anchors, 3);
    sequential_executor ex;
    run(loss, c, ex);
    for (int match : loss.matches(0))
        CHECK((match >= 0 || match == fovea::hard_negative));
}

TEST_CASE("NaN and infinite outputs come back as a NaN loss, and crash nothing") {
    const ssd_case clean(50, 4, {2, 1});
    for (double bad : {std::nan(""), std::numeric_limits<double>::infinity()})
        for (const ssd_loss_settings& s : all_settings()) {
            ssd_case c = clean;
            for (std::size_t i = 0; i < c.logits.size(); i += 3)
                c.logits[i] = bad;
            CHECK(std::isnan(run(c, s).values.classification));
            c = clean;
            for (double& offset : c.offsets)
                offset = bad;
            CHECK_FALSE(std::isfinite(run(c, s).values.bbox_regression));
        }
    // A single NaN is a hard negative, whatever else there is.
    ssd_case c = clean;
    ssd_loss loss(c.anchors, 4);
    sequential_executor ex;
    run(loss, c, ex);
    const auto matches = loss.matches(0);
    const auto unused =
        std::find(matches.begin(), matches.end(), fovea::below_low_threshold) - matches.begin();
    c.logits[static_cast<std::size_t>(unused) * 4 + 1] = std::nan("");
    CHECK(std::isnan(run(loss, c, ex).values.classification));
    CHECK(loss.matches(0)[static_cast<std::size_t>(unused)] == fovea::hard_negative);
}

TEST_CASE("The SSD loss names the image and the object that cannot be learnt") {
    const ssd_case good(20, 4, {1, 2});
    const auto refused = [&](const auto& change, const std::string& message) {
        ssd_case c = good;
        change(c);
        CHECK_THROWS_WITH(run(c, {}), message);
        CHECK_THROWS_AS(reference(c, {}, c.logits, c.offsets), input_error);
    };
    CHECK_NOTHROW(run(good, {}));
    refused([](ssd_case& c) { c.labels[1][1] = 4; },
            "ssd_loss: image 1, object 1: label 4 is outside 1 .. 4 - 1 (0 is the background)");
    refused([](ssd_case& c) { c.labels[0][0] = 0; },
            "ssd_loss: image 0, object 0: label 0 is outside 1 .. 4 - 1 (0 is the background)");
    refused([](ssd_case& c) { c.labels[0].clear(); }, "ssd_loss: image 0 has 1 boxes and 0 labels");
    refused(
        [](ssd_case& c) {
            c.boxes[1][0] = {5, 5, 5, 9};
        },
        "ssd_loss: image 1, object 0: box (5.000000, 5.000000, 5.000000, 9.000000) is not finite or has no "
        "area");
    refused([](ssd_case& c) { c.boxes[1][1].x2 = std::nanf(""); },
            "ssd_loss: image 1, object 1: box (" + std::to_string(good.boxes[1][1].x1) + ", " +
                std::to_string(good.boxes[1][1].y1) + ", nan, " + std::to_string(good.boxes[1][1].y2) +
                ") is not finite or has no area");
    refused(
        [](ssd_case& c) {
            c.anchors[3] = {1, 1, 1, 1};
        },
        "ssd_loss: anchor 3 (1.000000, 1.000000, 1.000000, 1.000000) is not finite or has no area");
    refused([](ssd_case& c) { c.logits.pop_back(); }, "ssd_loss: cls_logits has 159 values, expected 160");
    refused([](ssd_case& c) { c.offsets.pop_back(); },
            "ssd_loss: bbox_regression has 159 values, expected 160");
    refused([](ssd_case& c) { c.classes = 1; },
            "ssd_loss: 1 classes, expected the background and at least one more");
}

TEST_CASE("The SSD loss refuses gradients that do not fit and settings out of range") {
    const ssd_case c(20, 4, {1});
    const std::vector<float> logits = to_float(c.logits), offsets = to_float(c.offsets);
    std::vector<float> cls(logits.size()), box(offsets.size()), few(3);
    ssd_loss loss(c.anchors, 4);
    sequential_executor ex;
    CHECK_THROWS_AS(loss(logits, offsets, c.targets(), few, box, ex), input_error);
    CHECK_THROWS_AS(loss(logits, offsets, c.targets(), cls, few, ex), input_error);
    CHECK_THROWS_AS(loss(logits, offsets, c.targets(), cls, {}, ex), input_error);
    const auto refused = [&](const auto& change) {
        ssd_loss_settings s;
        change(s);
        CHECK_THROWS_AS(ssd_loss(c.anchors, 4, s), input_error);
    };
    const double nan = std::nan("");
    refused([&](ssd_loss_settings& s) { s.iou_thresh = std::nanf(""); });
    refused([&](ssd_loss_settings& s) { s.iou_thresh = 1.5F; });
    refused([&](ssd_loss_settings& s) { s.neg_to_pos_ratio = nan; });
    refused([&](ssd_loss_settings& s) { s.beta = -1; });
    refused([&](ssd_loss_settings& s) { s.alpha = 1.5; });
    refused([&](ssd_loss_settings& s) { s.alpha = nan; });
    refused([&](ssd_loss_settings& s) { s.gamma = -1; });
    refused([&](ssd_loss_settings& s) { s.box_weight = nan; });
    refused([&](ssd_loss_settings& s) { s.class_weight = std::numeric_limits<double>::infinity(); });
    refused([&](ssd_loss_settings& s) { s.coder.ww = 0; });
}

TEST_CASE("The SSD loss takes default boxes") {
    const fovea::default_boxes anchors({{{2, 3}}, {0.2, 0.95}}, {{3, 4}}, {96, 128});
    CHECK(ssd_loss(anchors, 3).anchors() == 3 * 4 * 6);
}
