#include "data.hpp"

#include <fovea/evaluate/voc.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::annotated_box;
using fovea::scored_box;
using fovea::voc_metric;
using fovea::voc_settings;
using namespace fovea::test;

namespace {

voc_settings with(voc_metric metric, double pixel = 1, double iou = 0.5) {
    voc_settings settings;
    settings.metric = metric;
    settings.pixel = pixel;
    settings.iou_threshold = iou;
    return settings;
}

annotated_box object(double x, bool difficult = false) {
    return {1, 1, {x, 0, 9, 9}, 81, false, difficult};
}
scored_box found(double x, double score) {
    return {1, 1, {x, 0, 9, 9}, score};
}

double map(const std::vector<annotated_box>& objects, const std::vector<scored_box>& detections,
           const voc_settings& settings) {
    return fovea::evaluate_voc(objects, detections, settings).map;
}

} // namespace

TEST_CASE("Mean average precision equals the VOC devkit's definition") {
    const std::string name = GENERATE("mixed", "crowded", "many_detections", "many_ties", "no_objects");
    CAPTURE(name);
    evaluation_problem problem = read_problem(name);
    for (annotated_box& object : problem.truth.annotations)
        object.difficult = object.is_crowd;
    const auto& objects = problem.truth.annotations;
    CHECK(map(objects, problem.detections, with(voc_metric::area)) ==
          Approx(problem.voc_area).epsilon(1e-12));
    CHECK(map(objects, problem.detections, with(voc_metric::eleven_points)) ==
          Approx(problem.voc_eleven_points).epsilon(1e-12));
}

TEST_CASE("A second detection of an object is wrong") {
    const std::vector<annotated_box> objects{object(0), object(100)};
    const std::vector<scored_box> detections{found(0, 0.9), found(1, 0.8), found(100, 0.7)};
    // Precision 1, 1/2, 2/3 at recall 1/2, 1/2, 1.
    CHECK(map(objects, detections, with(voc_metric::area)) == Approx(0.5 + 0.5 * 2 / 3));
    CHECK(map(objects, detections, with(voc_metric::eleven_points)) == Approx((6 + 5 * 2.0 / 3) / 11));
}

TEST_CASE("Difficult objects excuse detections and need not be found") {
    const std::vector<annotated_box> objects{object(0), object(100, true)};
    CHECK(map(objects, {found(100, 0.9), found(100, 0.8), found(0, 0.7)}, with(voc_metric::area)) == 1);
    CHECK(map({object(0, true)}, {found(0, 0.9)}, with(voc_metric::area)) == -1);
}

TEST_CASE("IoU on the threshold is enough, with pixels that count or not") {
    // Inclusive corners 0 .. 9 are ten pixels: an overlap of 5 columns out of 15 is 1/3; positions share 4
    // of 14.
    const std::vector<annotated_box> objects{object(0)};
    const std::vector<scored_box> detections{found(5, 0.5)};
    CHECK(map(objects, detections, with(voc_metric::area, 1, 50.0 / 150.0)) == 1);
    CHECK(map(objects, detections, with(voc_metric::area, 0, 50.0 / 150.0)) == 0);
    CHECK(map(objects, detections, with(voc_metric::area, 0, 36.0 / 126.0)) == 1);
}

TEST_CASE("Settings that make no sense are input errors") {
    constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
    for (double iou : {0.0, -1.0, 1.5, not_a_number})
        CHECK_THROWS_AS(map({}, {}, with(voc_metric::area, 1, iou)), fovea::input_error);
    CHECK_THROWS_AS(map({}, {}, with(voc_metric::area, not_a_number)), fovea::input_error);
    CHECK_THROWS_AS(map({}, {found(not_a_number, 1)}, {}), fovea::input_error);
}
