#include <fovea/train/fit_anchors.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::anchor_ratio;
using fovea::box_shape;
using fovea::efficientdet_anchor_table;
using fovea::fitted_shapes;
using fovea::input_error;

namespace {

// `count` boxes around each shape, up to 5 % off on both sides.
std::vector<box_shape> boxes_around(const std::vector<box_shape>& shapes, std::size_t count) {
    fovea::random_stream random(3);
    std::vector<box_shape> boxes;
    for (std::size_t i = 0; i < count; ++i)
        for (const box_shape& s : shapes)
            boxes.push_back({s.width * static_cast<float>(random.uniform(0.95, 1.05)),
                             s.height * static_cast<float>(random.uniform(0.95, 1.05))});
    return boxes;
}

// What to_source() prints, read by this compiler.
constexpr fovea::efficientdet_anchor_table pasted{
    {1, 1.2599210498948732}, {{1.4142, 0.7071}, {0.5, 2}}, 2, 6, 3.25};

} // namespace

TEST_CASE("Clusters of boxes are found, whatever the seed") {
    const std::vector<box_shape> shapes{{10, 12}, {40, 20}, {30, 90}, {200, 150}};
    const std::vector<box_shape> boxes = boxes_around(shapes, 50);
    for (std::uint64_t seed : {0U, 1U, 2U, 77U}) {
        const fitted_shapes fitted = fovea::fit_shapes(boxes, 4, {seed});
        REQUIRE(fitted.shapes.size() == 4);
        for (std::size_t k = 0; k < 4; ++k) {
            CHECK(fitted.shapes[k].width == Approx(shapes[k].width).epsilon(0.02));
            CHECK(fitted.shapes[k].height == Approx(shapes[k].height).epsilon(0.02));
        }
        CHECK(fitted.mean_iou > 0.93);
        CHECK(fitted.mean_iou == Approx(mean_shape_iou(fitted.shapes, boxes)));
    }
}

TEST_CASE("A fit depends on its seed alone, and more shapes fit better") {
    fovea::random_stream random(5);
    std::vector<box_shape> boxes;
    for (int i = 0; i < 400; ++i)
        boxes.push_back(
            {static_cast<float>(random.uniform(4, 200)), static_cast<float>(random.uniform(4, 200))});
    double before = 0;
    for (std::size_t count : {1U, 2U, 5U, 9U, 20U}) {
        const fitted_shapes fitted = fovea::fit_shapes(boxes, count, {7}),
                            again = fovea::fit_shapes(boxes, count, {7});
        CHECK(fitted.mean_iou == again.mean_iou);
        CHECK(std::equal(fitted.shapes.begin(), fitted.shapes.end(), again.shapes.begin(),
                         [](auto a, auto b) { return a.width == b.width && a.height == b.height; }));
        CHECK(fitted.mean_iou > before);
        before = fitted.mean_iou;
    }
    CHECK(fovea::fit_shapes(boxes, 9, {7, 8}).mean_iou >= fovea::fit_shapes(boxes, 9, {7, 1}).mean_iou);
}

TEST_CASE("As many shapes as different boxes are these boxes") {
    const std::vector<box_shape> boxes{{4, 4}, {8, 2}, {4, 4}, {30, 10}};
    const fitted_shapes fitted = fovea::fit_shapes(boxes, 3);
    CHECK(fitted.mean_iou == 1);
    CHECK((fitted.shapes[0].width == 4 && fitted.shapes[1].width == 8 && fitted.shapes[2].width == 30));
    CHECK_THROWS_WITH(fovea::fit_shapes(boxes, 4), "fit_shapes: 4 shapes wanted of boxes that have 3");
}

TEST_CASE("Ratios do not depend on areas") {
    std::vector<box_shape> boxes;
    for (float side : {3.0F, 20.0F, 111.0F, 400.0F})
        for (float aspect : {0.5F, 1.0F, 3.0F})
            boxes.push_back({side * std::sqrt(aspect), side / std::sqrt(aspect)});
    const std::vector<anchor_ratio> ratios = fovea::fit_ratios(boxes, 3);
    REQUIRE(ratios.size() == 3);
    CHECK((ratios[0].width == 0.7071 && ratios[0].height == 1.4142));
    CHECK((ratios[1].width == 1 && ratios[1].height == 1));
    CHECK((ratios[2].width == 1.7321 && ratios[2].height == 0.5774));
}

TEST_CASE("A fitted table covers the boxes better, one that fits already stays") {
    std::vector<box_shape> small_and_long; // smaller than D0's smallest anchors, three times as wide as high
    for (int i = 0; i < 200; ++i)
        small_and_long.push_back({18 + 0.1F * static_cast<float>(i), 6 + 0.03F * static_cast<float>(i)});
    for (int i = 0; i < 60; ++i)
        small_and_long.push_back({20, 19 + 0.1F * static_cast<float>(i)});
    const efficientdet_anchor_table d0, fitted = fit_efficientdet_anchors(d0, small_and_long);
    const double before = mean_shape_iou(shapes_of(d0), small_and_long),
                 after = mean_shape_iou(shapes_of(fitted), small_and_long);
    CHECK(before < 0.5);
    CHECK(after > 0.85);
    CHECK(fitted.anchor_scale < 4);
    CHECK((fitted.ratios.size() == 3 && fitted.min_level == 3 && fitted.max_level == 7));
    CHECK_NOTHROW(check(fitted));

    const std::vector<box_shape> own = shapes_of(d0);
    CHECK(own.size() == 45);
    CHECK((own[0].width == 32 && own[1].width == Approx(44.8) && own[1].height == Approx(22.4)));
    CHECK(to_source(fit_efficientdet_anchors(d0, own)) == to_source(d0));
}

TEST_CASE("A table prints as C++ that reads the same numbers") {
    CHECK(to_source(pasted, "pasted") == "constexpr fovea::efficientdet_anchor_table pasted{{1, "
                                         "1.2599210498948732}, {{1.4142, 0.7071}, {0.5, 2}}, "
                                         "2, 6, 3.25};\n");
    CHECK(fovea::to_source({}) ==
          "constexpr fovea::efficientdet_anchor_table anchors{{1, 1.2599210498948732, "
          "1.5874010519681994}, {{1, 1}, {1.4, 0.7}, {0.7, 1.4}}, 3, 7, 4};\n");
}

TEST_CASE("Anchors are not fitted to what has no area") {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const box_shape& bad : {box_shape{0, 4}, box_shape{4, -1}, box_shape{nan, 4}, box_shape{4, 1e30F}}) {
        const std::vector<box_shape> boxes{{4, 4}, bad};
        CHECK_THROWS_AS(fovea::fit_shapes(boxes, 1), input_error);
        CHECK_THROWS_AS(fovea::fit_ratios(boxes, 1), input_error);
        CHECK_THROWS_AS(fit_efficientdet_anchors({}, boxes), input_error);
    }
    CHECK_THROWS_WITH(fovea::fit_shapes({}, 1), "fit_shapes: no boxes");
    const std::vector<box_shape> good{{4, 4}};
    CHECK_THROWS_AS(fovea::fit_shapes(good, 0), input_error);
    CHECK_THROWS_AS(fovea::fit_shapes(good, 1, {0, 0}), input_error);
    CHECK(shapes_of(fovea::span<const fovea::box>(std::vector<fovea::box>{{1, 2, 4, 8}}))[0].height == 6);
}
