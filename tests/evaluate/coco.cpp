#include "data.hpp"

#include <fovea/evaluate/coco.hpp>

#include <catch2/catch.hpp>

#include <filesystem>
#include <limits>

using fovea::annotated_box;
using fovea::scored_box;
using namespace fovea::test;

namespace {

std::vector<double> in_order(const fovea::coco_figures& f) {
    return {f.ap,  f.ap50, f.ap75,  f.ap_small, f.ap_medium, f.ap_large,
            f.ar1, f.ar10, f.ar100, f.ar_small, f.ar_medium, f.ar_large};
}

void check_figures(const fovea::coco_figures& got, const std::vector<double>& want, double tolerance) {
    const std::vector<double> figures = in_order(got);
    REQUIRE(want.size() == figures.size());
    for (std::size_t i = 0; i < figures.size(); ++i) {
        CAPTURE(i);
        CHECK(std::abs(figures[i] - want[i]) <= tolerance);
    }
}

annotated_box object(double x, double side, bool crowd = false) {
    return {1, 1, {x, 0, side, side}, side * side, crowd, false};
}

scored_box found(double x, double side, double score) {
    return {1, 1, {x, 0, side, side}, score};
}

} // namespace

TEST_CASE("The twelve figures equal pycocotools'") {
    const std::string name = GENERATE("mixed", "crowded", "many_detections", "many_ties", "no_objects");
    CAPTURE(name);
    const evaluation_problem problem = read_problem(name);
    check_figures(evaluate_coco(problem.truth.annotations, problem.detections).figures, problem.coco, 1e-12);
}

TEST_CASE("COCO128 with torchvision's detections gives pycocotools' figures") {
    const std::filesystem::path data = std::filesystem::path(FOVEA_SHARED_DIR) / "data";
    if (!std::filesystem::exists(data))
        return;
    const auto truth = fovea::examples::read_coco_annotations(
        data / "coco128/annotations/instances_train2017_first128.json");
    const auto detections =
        fovea::examples::read_coco_detections(data / "golden/ssdlite320/coco128_detections.json", truth);
    const auto result = evaluate_coco(truth.annotations, detections);
    check_figures(result.figures,
                  {0.31812927483287884, 0.4813735534972662, 0.34704609726229313, 0.02098265600197465,
                   0.29283559934578207, 0.6321170942182008, 0.263018827460423, 0.37604187524565874,
                   0.3894080630080152, 0.05068503911760933, 0.3445129148629149, 0.7273118753674309},
                  1e-12);
    double sum = 0, count = 0;
    for (const auto& category : result.categories)
        if (category.ap >= 0) {
            sum += category.ap;
            ++count;
        }
    CHECK(sum / count == Approx(result.figures.ap).epsilon(1e-12));
}

TEST_CASE("Nothing to evaluate gives -1, nothing found gives 0") {
    CHECK(fovea::evaluate_coco({}, {}).figures.ap == -1);
    const std::vector<scored_box> only_detections{found(0, 10, 0.5)};
    const auto no_objects = fovea::evaluate_coco({}, only_detections);
    CHECK(no_objects.figures.ar100 == -1);
    REQUIRE(no_objects.categories.size() == 1);
    CHECK(no_objects.categories[0].ap == -1);
    const std::vector<annotated_box> only_objects{object(0, 10)};
    const auto nothing_found = fovea::evaluate_coco(only_objects, {});
    CHECK(nothing_found.figures.ap == 0);
    CHECK(nothing_found.figures.ap_large == -1);
}

TEST_CASE("A perfect detection is worth 1 at its size only") {
    const std::vector<annotated_box> objects{object(0, 50)};
    const std::vector<scored_box> detections{found(0, 50, 0.1)};
    const auto figures = fovea::evaluate_coco(objects, detections).figures;
    CHECK(figures.ap == Approx(1));
    CHECK(figures.ap_medium == Approx(1));
    CHECK(figures.ap_small == -1);
    CHECK(figures.ar1 == 1);
}

TEST_CASE("Detections inside a crowd are excused, one after the other") {
    const std::vector<annotated_box> objects{object(0, 20), object(100, 200, true)};
    const std::vector<scored_box> detections{found(100, 50, 0.9), found(150, 50, 0.8), found(0, 20, 0.7)};
    CHECK(fovea::evaluate_coco(objects, detections).figures.ap == Approx(1));
}

TEST_CASE("An object with a box of no extent is never found") {
    const std::vector<annotated_box> objects{object(0, 0)};
    const std::vector<scored_box> detections{found(0, 0, 0.9)};
    CHECK(fovea::evaluate_coco(objects, detections).figures.ap == 0);
}

TEST_CASE("Numbers that are not finite are input errors") {
    const double bad =
        GENERATE(std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
    const std::vector<annotated_box> good{object(0, 10)}, bad_box{object(bad, 10)};
    const std::vector<scored_box> bad_score{found(0, 10, bad)}, bad_side{found(0, bad, 1)};
    CHECK_THROWS_AS(fovea::evaluate_coco(bad_box, {}), fovea::input_error);
    CHECK_THROWS_AS(fovea::evaluate_coco(good, bad_score), fovea::input_error);
    CHECK_THROWS_AS(fovea::evaluate_coco(good, bad_side), fovea::input_error);
}
