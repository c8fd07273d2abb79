#include "data.hpp"

#include <fovea/detect/gluoncv_anchors.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::center_box;
using fovea::gluoncv_anchor_table;
using fovea::gluoncv_anchors;
using fovea::input_error;
using namespace fovea::test;

namespace {

constexpr double third = 1.0 / 3;

void check_anchors(const golden_case& golden, gluoncv_anchor_table table, const fovea::feature_sizes& maps,
                   fovea::spatial_size image) {
    for (const auto& [name, clip] : {std::pair("anchors", false), std::pair("anchors_clipped", true)}) {
        table.clip = clip;
        array got{{0, 4}, std::vector<float>{}};
        for (const center_box& b : gluoncv_anchors(table, maps, image))
            for (float v : {b.cx, b.cy, b.width, b.height})
                got.values.push_back(static_cast<double>(v));
        got.shape[0] = got.values.size() / 4;
        CHECK(compare(golden.output(name), got));
    }
}

} // namespace

TEST_CASE("Anchors are GluonCV's") {
    check_anchors(own_golden("train/loss", "anchors_gluoncv"),
                  {{20, 45, 80, 110}, {{1, 2, 0.5}, {1, 2, 0.5, 3, third}, {1, 2}}, {16, 33, 50}},
                  {{3, 4}, {2, 2}, {1, 1}}, {48, 64});
    if (const auto golden = shared_golden("components", "anchors_gluoncv"))
        check_anchors(*golden,
                      {{30, 60, 111, 162, 213, 264, 315},
                       {{1, 2, 0.5},
                        {1, 2, 0.5, 3, third},
                        {1, 2, 0.5, 3, third},
                        {1, 2, 0.5, 3, third},
                        {1, 2, 0.5},
                        {1, 2, 0.5}},
                       {8, 16, 32, 64, 100, 300}},
                      {{38, 38}, {19, 19}, {10, 10}, {5, 5}, {3, 3}, {1, 1}}, {300, 300});
}

TEST_CASE("Centers and corners go over into each other") {
    const center_box b{10, 20, 6, 4};
    CHECK(to_corners(b) == fovea::box{7, 18, 13, 22});
    const center_box back = to_center(to_corners(b));
    CHECK((back.cx == 10 && back.cy == 20 && back.width == 6 && back.height == 4));
}

TEST_CASE("GluonCV's anchors refuse tables whose lists do not belong together") {
    const gluoncv_anchor_table good{{10, 20, 30}, {{1}, {1, 2}}, {4, 8}};
    const fovea::feature_sizes maps{{2, 2}, {1, 1}};
    CHECK(gluoncv_anchors(good, maps, {16, 16}).size() == 4 * 2 + 3);
    const auto refused = [&](const auto& change) {
        gluoncv_anchor_table table = good;
        change(table);
        CHECK_THROWS_AS(gluoncv_anchors(table, maps, {16, 16}), input_error);
    };
    refused([](gluoncv_anchor_table& t) { t.sizes = {10, 20}; });
    refused([](gluoncv_anchor_table& t) { t.sizes = {10, 20, 0}; });
    refused([](gluoncv_anchor_table& t) { t.steps = {4}; });
    refused([](gluoncv_anchor_table& t) { t.steps = {4, -1}; });
    refused([](gluoncv_anchor_table& t) { t.ratios = {}; });
    refused([](gluoncv_anchor_table& t) { t.ratios = {{1}, {}}; });
    refused([](gluoncv_anchor_table& t) { t.ratios = {{1}, {1, std::numeric_limits<double>::quiet_NaN()}}; });
    CHECK_THROWS_WITH(gluoncv_anchors(good, {{2, 2}}, {16, 16}), "gluoncv_anchors: 1 maps, expected 2");
    CHECK_THROWS_AS(gluoncv_anchors(good, {{100000, 100000}, {1, 1}}, {16, 16}), input_error);
}
