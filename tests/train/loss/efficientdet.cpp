#include "ssd_case.hpp"
#include "support/executors.hpp"

#include <fovea/train/loss/efficientdet.hpp>
#include <fovea/train/loss/efficientdet_reference.hpp>

#include <limits>

using fovea::box;
using fovea::efficientdet_box_loss;
using fovea::efficientdet_loss;
using fovea::efficientdet_loss_settings;
using fovea::efficientdet_loss_values;
using fovea::efficientdet_normalizer;
using fovea::ground_truth;
using fovea::input_error;
using fovea::sequential_executor;
using namespace fovea::test;

namespace {

using efficientdet_outcome = loss_outcome<efficientdet_loss_values>;

// ssd_case counts the background among its classes, EfficientDet does not.
std::size_t columns(const ssd_case& c) {
    return c.classes - 1;
}

ssd_case efficientdet_case(std::size_t anchors, std::size_t classes, const std::vector<std::size_t>& objects,
                           unsigned seed = 1) {
    ssd_case c(anchors, classes + 1, objects, seed);
    c.logits = normal_numbers(objects.size() * anchors * classes, seed + 1, 4);
    return c;
}

efficientdet_outcome run_efficientdet(const ssd_case& c, const efficientdet_loss_settings& settings) {
    efficientdet_loss loss(c.anchors, columns(c), settings);
    sequential_executor ex;
    return run(loss, c, ex);
}

efficientdet_loss_values efficientdet_definition(const ssd_case& c, const efficientdet_loss_settings& s,
                                                 const std::vector<double>& logits,
                                                 const std::vector<double>& deltas,
                                                 fovea::span<double> cls_gradient = {},
                                                 fovea::span<double> box_gradient = {}) {
    return fovea::efficientdet_loss_reference<double>(c.anchors, columns(c), s, logits, deltas, c.targets(),
                                                      cls_gradient, box_gradient);
}

std::vector<efficientdet_loss_settings> efficientdet_variants() {
    std::vector<efficientdet_loss_settings> all{efficientdet_loss_settings::zylo117(),
                                                efficientdet_loss_settings::effdet()};
    for (efficientdet_box_loss box :
         {efficientdet_box_loss::giou, efficientdet_box_loss::diou, efficientdet_box_loss::ciou}) {
        efficientdet_loss_settings s =
            box == efficientdet_box_loss::diou ? all[0] : efficientdet_loss_settings::effdet();
        s.box_loss = box;
        all.push_back(s);
    }
    efficientdet_loss_settings other = efficientdet_loss_settings::effdet();
    other.label_smoothing = 0.1;
    other.alpha = -1;
    other.gamma = 0.7;
    other.box_weight = 3;
    other.class_weight = 2;
    all.push_back(other);
    other.least_probability = 0.02;
    other.normalizer = efficientdet_normalizer::image_positives;
    all.push_back(other);
    return all;
}

void check_near(const std::vector<float>& got, const std::vector<double>& want) {
    REQUIRE(got.size() == want.size());
    double largest = 0, worst = 0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        largest = std::max(largest, std::abs(want[i]));
        worst = std::max(worst, std::abs(want[i] - static_cast<double>(got[i])));
    }
    CHECK(worst <= 2e-6 * largest);
}

// Objects of the annotations' rows x1 y1 x2 y2 class; class -1 is padding, column c is label c + 1.
struct annotated {
    std::vector<std::vector<box>> boxes;
    std::vector<std::vector<int>> labels;

    explicit annotated(const array& rows) : boxes(rows.shape[0]), labels(rows.shape[0]) {
        for (std::size_t r = 0; 5 * r < rows.values.size(); ++r) {
            const double* const row = &rows.values[5 * r];
            if (row[4] < 0)
                continue;
            const auto at = [&](int k) { return static_cast<float>(row[k]); };
            boxes[r / rows.shape[1]].push_back({at(0), at(1), at(2), at(3)});
            labels[r / rows.shape[1]].push_back(static_cast<int>(row[4]) + 1);
        }
    }
    std::vector<ground_truth> targets() const {
        std::vector<ground_truth> all;
        for (std::size_t i = 0; i < boxes.size(); ++i)
            all.push_back({boxes[i], labels[i]});
        return all;
    }
};

void check_against(const golden_case& golden, const std::string& prefix, const std::vector<box>& anchors,
                   const efficientdet_loss_settings& settings) {
    const array annotations = golden.input("annotations"), cls_logits = golden.input("logits");
    const annotated objects(annotations);
    const bool empty = prefix == "empty_";
    const std::vector<ground_truth> targets =
        empty ? std::vector<ground_truth>(objects.boxes.size()) : objects.targets();
    const std::vector<float> logits = numbers<float>(cls_logits),
                             deltas = numbers<float>(golden.input("regression"));
    std::vector<float> cls_gradient(logits.size(), 9), box_gradient(deltas.size(), 9);
    const auto check = [&](const efficientdet_loss_values& values) {
        check_golden(golden, prefix + "classification", values.classification);
        check_golden(golden, prefix + "regression", values.bbox_regression);
        if (empty)
            return;
        check_golden(golden, prefix + "grad_logits", cls_gradient);
        check_golden(golden, prefix + "grad_regression", box_gradient);
    };
    efficientdet_loss loss(anchors, cls_logits.shape[2], settings);
    sequential_executor ex;
    check(loss(logits, deltas, targets, cls_gradient, box_gradient, ex));
    check(fovea::efficientdet_loss_reference<float>(anchors, cls_logits.shape[2], settings, logits, deltas,
                                                    targets, cls_gradient, box_gradient));
}

} // namespace

TEST_CASE("EfficientDet's losses are those of its ports") {
    fovea::efficientdet_anchor_table table;
    table.min_level = 4;
    table.max_level = 5;
    const std::vector<box> anchors = fovea::efficientdet_anchors(table, {32, 32}).to_vector();
    const golden_case own = own_golden("train/loss", "loss_efficientdet");
    const efficientdet_loss_settings effdet = efficientdet_loss_settings::effdet();
    efficientdet_loss_settings smoothed = effdet;
    smoothed.label_smoothing = 0.1;
    check_against(own, "", anchors, {});
    check_against(own, "empty_", anchors, {});
    check_against(own, "effdet_", anchors, effdet);
    check_against(own, "smoothed_", anchors, smoothed);
    if (const auto golden = shared_golden("components", "loss_efficientdet")) {
        const std::vector<box> all = fovea::efficientdet_anchors({}, {128, 128}).to_vector();
        check_against(*golden, "", all, {});
        check_against(*golden, "empty_", all, {});
    }
}

TEST_CASE("The vector form of EfficientDet's loss equals its definition, for any number of classes") {
    for (std::size_t classes : {1U, 2U, 3U, 7U, 8U, 15U, 16U, 17U, 33U, 90U}) {
        const ssd_case c = efficientdet_case(90, classes, {3, 0, 5, 1}, static_cast<unsigned>(classes));
        for (const efficientdet_loss_settings& s : efficientdet_variants()) {
            CAPTURE(classes, static_cast<int>(s.box_loss), s.gamma, s.least_probability);
            std::vector<double> cls_gradient(c.logits.size()), box_gradient(c.offsets.size());
            const efficientdet_loss_values want =
                efficientdet_definition(c, s, c.logits, c.offsets, cls_gradient, box_gradient);
            const efficientdet_outcome got = run_efficientdet(c, s);
            CHECK(got.values.positives == want.positives);
            CHECK(want.positives >= 2); // without forced matches few anchors are
            CHECK(got.values.classification == Approx(want.classification).epsilon(1e-5));
            CHECK(got.values.bbox_regression == Approx(want.bbox_regression).epsilon(1e-5));
            check_near(got.cls_gradient, cls_gradient);
            check_near(got.box_gradient, box_gradient);
        }
    }
}

TEST_CASE("Gradients of EfficientDet's loss are derivatives") {
    // Differences of each loss alone, and of small ones: rounding of a large sum would drown them.
    ssd_case c = efficientdet_case(40, 2, {2, 0, 3}, 5);
    for (double& logit : c.logits)
        logit /= 2;
    for (const efficientdet_loss_settings& s : efficientdet_variants()) {
        if (s.box_loss == efficientdet_box_loss::ciou) // no derivative: tests/train/loss/box_iou.cpp
            continue;
        CAPTURE(static_cast<int>(s.box_loss), s.gamma, s.least_probability);
        std::vector<double> cls_gradient(c.logits.size()), box_gradient(c.offsets.size());
        efficientdet_definition(c, s, c.logits, c.offsets, cls_gradient, box_gradient);
        check_gradient(
            c.logits, cls_gradient,
            [&](const std::vector<double>& x) {
                return efficientdet_definition(c, s, x, c.offsets).classification;
            },
            3);
        check_gradient(
            c.offsets, box_gradient,
            [&](const std::vector<double>& x) {
                return efficientdet_definition(c, s, c.logits, x).bbox_regression;
            },
            3);
    }
}

TEST_CASE("EfficientDet's loss and its gradients are the same bits on every executor") {
    const ssd_case c = efficientdet_case(2500, 3, {3, 0, 7}); // three pieces an image
    for (const efficientdet_loss_settings& s :
         {efficientdet_loss_settings::zylo117(), efficientdet_loss_settings::effdet()}) {
        const efficientdet_outcome want = run_efficientdet(c, s);
        for (const auto& [name, ex] : all_executors()) {
            CAPTURE(name);
            efficientdet_loss loss(c.anchors, columns(c), s);
            check_same(run(loss, c, *ex), want);
        }
    }
}

TEST_CASE("Batches of other sizes reuse one EfficientDet loss, gradients may be left out") {
    const ssd_case large = efficientdet_case(60, 5, {2, 3, 1, 0});
    ssd_case small = efficientdet_case(60, 5, {4}, 9);
    efficientdet_loss loss(large.anchors, 5);
    sequential_executor ex;
    const efficientdet_outcome first = run(loss, large, ex);
    small.anchors = large.anchors;
    CHECK(run(loss, small, ex).cls_gradient == run_efficientdet(small, {}).cls_gradient);
    const efficientdet_loss_values values =
        loss(to_float(large.logits), to_float(large.offsets), large.targets(), {}, {}, ex);
    CHECK(values.classification == first.values.classification);
    CHECK(values.bbox_regression == first.values.bbox_regression);
    CHECK(loss({}, {}, {}, {}, {}, ex).total() == 0); // no images
    CHECK((loss.anchors() == 60 && loss.num_classes() == 5));
}

TEST_CASE("NaN outputs come back as a NaN EfficientDet loss; anchors between the thresholds learn nothing") {
    ssd_case c = efficientdet_case(50, 4, {2, 1});
    for (const efficientdet_loss_settings& s : efficientdet_variants()) {
        ssd_case bad = c;
        bad.logits[7] = std::nan("");
        CHECK(std::isnan(run_efficientdet(bad, s).values.classification));
        bad = c;
        for (double& delta : bad.offsets)
            delta = std::nan("");
        CHECK(std::isnan(run_efficientdet(bad, s).values.bbox_regression));
    }
    efficientdet_loss_settings wide;
    wide.matching = {1, 0, false}; // every anchor is between
    for (double& logit : c.logits)
        logit = std::nan("");
    const efficientdet_outcome nothing = run_efficientdet(c, wide);
    CHECK(nothing.values.total() == 0);
    CHECK(nothing.cls_gradient == std::vector<float>(c.logits.size(), 0.0F));
}

TEST_CASE("EfficientDet's loss names what cannot be learnt") {
    const ssd_case good = efficientdet_case(20, 3, {1, 2});
    const auto refused = [&](const auto& change, const std::string& message) {
        ssd_case c = good;
        change(c);
        CHECK_THROWS_WITH(run_efficientdet(c, {}), message);
        CHECK_THROWS_AS(efficientdet_definition(c, {}, c.logits, c.offsets), input_error);
    };
    refused([](ssd_case& c) { c.labels[1][1] = 4; },
            "efficientdet_loss: image 1, object 1: label 4 is outside 1 .. 4 - 1 (0 is the background)");
    refused([](ssd_case& c) { c.labels[0].clear(); }, "efficientdet_loss: image 0 has 1 boxes and 0 labels");
    refused([](ssd_case& c) { c.logits.pop_back(); },
            "efficientdet_loss: cls_logits has 119 values, expected 120");
    const auto unsound = [&](const auto& change) {
        efficientdet_loss_settings s;
        change(s);
        CHECK_THROWS_AS(efficientdet_loss(good.anchors, 3, s), input_error);
    };
    const double nan = std::numeric_limits<double>::quiet_NaN();
    unsound([&](auto& s) { s.gamma = nan; });
    unsound([&](auto& s) { s.alpha = 1.5; });
    unsound([&](auto& s) { s.width = -1; });
    unsound([&](auto& s) { s.label_smoothing = 2; });
    unsound([&](auto& s) { s.least_probability = 0.5; });
    unsound([&](auto& s) { s.box_weight = nan; });
    unsound([&](auto& s) { s.matching.negative = 0.6F; });
    CHECK_THROWS_AS(efficientdet_loss(good.anchors, 0), input_error);
    CHECK_THROWS_AS(efficientdet_loss(std::vector<box>{{5, 5, 5, 9}}, 3), input_error);
}
