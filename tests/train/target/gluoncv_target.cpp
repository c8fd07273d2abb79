#include "train/loss/data.hpp"

#include <fovea/train/target/gluoncv_target.hpp>

#include <limits>

using fovea::box;
using fovea::ground_truth;
using fovea::input_error;
using fovea::sample;
using fovea::ssd_targets;
using namespace fovea::test;

namespace {

std::vector<int> as_numbers(const std::vector<sample>& samples) {
    std::vector<int> values;
    for (sample s : samples)
        values.push_back(static_cast<int>(s));
    return values;
}

const std::vector<box> three_anchors{{0, 0, 10, 10}, {20, 20, 30, 30}, {50, 50, 90, 90}};

} // namespace

TEST_CASE("Targets of an image are GluonCV's, with and without mining") {
    for (const golden_case& golden : loss_goldens("target_gluoncv")) {
        const std::vector<box> anchors = boxes(golden.input("anchors")), objects = boxes(golden.input("gt"));
        std::vector<int> labels = numbers<int>(golden.input("gt_ids"));
        for (int& label : labels)
            ++label; // ids begin at 0, labels at 1
        const array logits = golden.input("cls_preds");
        for (const auto& [name, ratio] : {std::pair("ohem", 3.0), std::pair("naive", 0.0)}) {
            fovea::ssd_target_settings settings;
            settings.negative_mining_ratio = ratio;
            const ssd_targets targets = fovea::generate_ssd_targets(
                anchors, {objects, labels}, numbers<float>(logits), logits.shape[1], settings);
            check_golden(golden, std::string("samples_") + name, as_numbers(targets.samples));
            check_golden(golden, std::string("cls_targets_") + name, targets.cls_targets);
            check_golden(golden, "matches", targets.matches);
            check_golden(golden, "box_targets", targets.box_targets);
        }
    }
}

TEST_CASE("Encoded boxes and masks of samples are GluonCV's") {
    for (const golden_case& golden : loss_goldens("box_coder_gluoncv")) {
        const std::vector<box> anchors = boxes(golden.input("anchors")), objects = boxes(golden.input("gt"));
        const std::vector<int> matches = numbers<int>(golden.input("matches"));
        std::vector<sample> samples;
        for (int s : numbers<int>(golden.input("samples")))
            samples.push_back(static_cast<sample>(s));
        std::vector<float> targets(anchors.size() * 4, 9), masks(anchors.size() * 4, 9);
        fovea::encode_boxes({}, samples, matches, anchors, objects, targets, masks);
        check_golden(golden, "targets", targets);
        check_golden(golden, "masks", masks);
    }
}

TEST_CASE("An image without objects: all anchors are background, or ignored with mining") {
    const std::vector<float> logits(9);
    fovea::ssd_target_settings naive;
    naive.negative_mining_ratio = 0;
    const ssd_targets background = fovea::generate_ssd_targets(three_anchors, {}, {}, 3, naive);
    CHECK(background.cls_targets == std::vector<int>{0, 0, 0});
    CHECK(background.box_targets == std::vector<float>(12, 0.0F));
    CHECK(fovea::generate_ssd_targets(three_anchors, {}, logits, 3).cls_targets ==
          std::vector<int>{-1, -1, -1});
    CHECK(fovea::generate_ssd_targets({}, {}, {}, 3).cls_targets.empty());
}

TEST_CASE("Mined negatives are those of least background, none that overlaps much, and never positives") {
    const std::vector<int> matches{0, -1, -1, -1, -1};
    const std::vector<float> overlap{0.9F, 0.6F, 0.1F, 0.2F, 0.0F};
    const std::vector<float> logits{0, 0, 0, 9, 3, 0, 0, 2, 1, 0}; // [5, 2], hardest first: 1, 3, 0, 4, 2
    std::vector<sample> samples(5);
    fovea::ohem_samples(matches, overlap, logits, samples, {1, 0, 0.5F});
    CHECK(as_numbers(samples) == std::vector<int>{1, 0, 0, -1, 0});
    fovea::ohem_samples(matches, overlap, logits, samples, {2, 0, 0.5F});
    CHECK(as_numbers(samples) == std::vector<int>{1, 0, 0, -1, -1});
    fovea::ohem_samples(matches, overlap, logits, samples, {100, 0, 0.5F});
    CHECK(as_numbers(samples) == std::vector<int>{1, 0, -1, -1, -1});
    fovea::ohem_samples(std::vector<int>(5, -1), overlap, logits, samples, {3, 1, 2});
    CHECK(as_numbers(samples) == std::vector<int>{0, -1, 0, 0, 0});
}

TEST_CASE("Target generators name the object that cannot be learnt and the size that does not fit") {
    const std::vector<box> good{{1, 1, 5, 5}, {2, 2, 8, 8}};
    const std::vector<int> labels{1, 2};
    const auto generate = [](const std::vector<box>& b, const std::vector<int>& l) {
        return fovea::generate_ssd_targets(three_anchors, {b, l}, std::vector<float>(9), 3);
    };
    CHECK_NOTHROW(generate(good, labels));
    CHECK_THROWS_WITH(generate(good, {1, 3}),
                      "generate_ssd_targets: image 0, object 1: label 3 is outside 1 .. 3 - "
                      "1 (0 is the background)");
    CHECK_THROWS_AS(generate(good, {0, 1}), input_error);
    CHECK_THROWS_AS(generate(good, {1}), input_error);
    const float infinite = std::numeric_limits<float>::infinity();
    for (const box& bad :
         {box{1, 1, 1, 5}, box{1, 5, 4, 1}, box{std::nanf(""), 1, 5, 5}, box{1, 1, infinite, 5}})
        CHECK_THROWS_AS(generate({good[0], bad}, labels), input_error);
    const std::vector<float> few(8);
    CHECK_THROWS_AS(fovea::generate_ssd_targets(three_anchors, {good, labels}, few, 3), input_error);

    std::vector<sample> two(2), three(3, sample::positive);
    const std::vector<int> matches{0, 5, 0};
    const std::vector<float> overlap(3), logits(9);
    CHECK_THROWS_AS(fovea::ohem_samples(matches, overlap, logits, two), input_error);
    CHECK_THROWS_AS(fovea::ohem_samples(matches, overlap, {}, three), input_error);
    CHECK_THROWS_AS(fovea::ohem_samples(matches, overlap, logits, three, {-1}), input_error);
    CHECK_THROWS_AS(fovea::ohem_samples(matches, overlap, logits, three, {3, std::nan("")}), input_error);
    std::vector<float> targets(12);
    CHECK_THROWS_WITH(fovea::encode_boxes({}, three, matches, three_anchors, good, targets),
                      "encode_boxes: anchor 1 matches object 5 of 2");
    CHECK_THROWS_AS(fovea::encode_boxes({}, two, matches, three_anchors, good, targets), input_error);
}
