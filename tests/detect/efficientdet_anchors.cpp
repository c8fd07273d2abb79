#include "data.hpp"

#include <fovea/detect/efficientdet_anchors.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using fovea::efficientdet_anchor_table;
using fovea::efficientdet_anchors;
using fovea::input_error;
using namespace fovea::test;

namespace {

// Rows y1 x1 y2 x2 of the references.
array rows(const efficientdet_anchors& anchors) {
    array to{{anchors.size(), 4}, std::vector<float>{}};
    for (std::size_t i = 0; i < anchors.size(); ++i)
        for (float v : {anchors[i].y1, anchors[i].x1, anchors[i].y2, anchors[i].x2})
            to.values.push_back(static_cast<double>(v));
    return to;
}

// The levels that small images have.
efficientdet_anchor_table up_to(efficientdet_anchor_table table, int max_level) {
    table.max_level = max_level;
    return table;
}

constexpr efficientdet_anchors d0(fovea::efficientdet_d0_anchors, {512, 512});
static_assert(d0.size() == 49104 && d0[0] == box{-12, -12, 20, 20});
static_assert(efficientdet_anchors(fovea::efficientdet_d7x_anchors, {1536, 1536}).size() ==
              9 * (192 * 192 + 96 * 96 + 48 * 48 + 24 * 24 + 12 * 12 + 6 * 6));

} // namespace

TEST_CASE("EfficientDet's anchors are the ports', to the bit") {
    const auto check = [](const char* name, const efficientdet_anchor_table& table,
                          fovea::spatial_size image) {
        const efficientdet_anchors anchors(up_to(table, 5), image);
        CHECK(rows(anchors).values == detect_data(std::string("efficientdet_anchors_") + name).values);
        CHECK(anchors.to_vector().back() == anchors[anchors.size() - 1]);
    };
    check("d0", fovea::efficientdet_d0_anchors, {32, 64});
    check("d7", fovea::efficientdet_d7_anchors, {32, 32});
    check("official", fovea::efficientdet_official_anchors, {32, 32});
    if (const auto golden = shared_golden("components", "anchors_efficientdet")) {
        const auto same = [&](const char* name, const efficientdet_anchor_table& table,
                              fovea::spatial_size image) {
            const array got = rows({table, image});
            CHECK(compare(golden->output(name), got));
            if (golden->output(name).full)
                CHECK(got.values == golden->output(name).full->values);
        };
        same("anchors_a", fovea::efficientdet_d0_anchors, {128, 128});
        same("anchors_b", fovea::efficientdet_d0_anchors, {256, 384});
        same("anchors_d7", fovea::efficientdet_d7_anchors, {128, 128});
    }
}

TEST_CASE("EfficientDet's anchors refuse tables out of range and images that do not fit") {
    const auto refused = [](const auto& change) {
        efficientdet_anchor_table table;
        change(table);
        CHECK_THROWS_AS(efficientdet_anchors(table, {128, 128}), input_error);
    };
    refused([](efficientdet_anchor_table& t) { t.scales = {}; });
    refused([](efficientdet_anchor_table& t) { t.scales = {1, -1}; });
    refused([](efficientdet_anchor_table& t) { t.ratios = {}; });
    refused([](efficientdet_anchor_table& t) { t.ratios = {{1, 0}}; });
    refused([](efficientdet_anchor_table& t) { t.ratios = {{std::numeric_limits<double>::quiet_NaN(), 1}}; });
    refused([](efficientdet_anchor_table& t) { t.anchor_scale = 0; });
    refused([](efficientdet_anchor_table& t) { t.min_level = -1; });
    refused([](efficientdet_anchor_table& t) { t.min_level = 8; });
    refused([](efficientdet_anchor_table& t) { t.max_level = 17; });
    refused([](efficientdet_anchor_table& t) { t.min_level = 0, t.max_level = 8; });
    CHECK_THROWS_WITH(efficientdet_anchors({}, {512, 500}),
                      "efficientdet_anchors: expected sides that are multiples of 128 pixels, got 500x512");
    CHECK_THROWS_AS(efficientdet_anchors({}, {0, 128}), input_error);
    CHECK_THROWS_AS(efficientdet_anchors({}, {1U << 20U, 1U << 20U}), input_error);
    CHECK_THROWS_AS(efficientdet_anchors({}, {std::size_t{1} << 40U, 128}), input_error);
}
