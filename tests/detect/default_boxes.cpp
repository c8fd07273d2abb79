#include "data.hpp"

#include <fovea/detect/default_boxes.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using fovea::default_box_table;
using fovea::default_boxes;
using namespace fovea::test;

namespace {

constexpr default_box_table ssdlite320{{{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}},
                                       fovea::linear_scales(0.2, 0.95, 6)};
constexpr default_box_table ssd300{{{2}, {2, 3}, {2, 3}, {2, 3}, {2}, {2}},
                                   {0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05},
                                   {8, 16, 32, 64, 100, 300}};
constexpr default_box_table custom{{{2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}, {2, 3}},
                                   {0.07, 0.14, 0.22, 0.32, 0.45, 0.65, 0.9}};
constexpr default_box_table no_clip{{{2}, {2, 3}}, {0.6, 0.9, 1.3}, {}, false};

constexpr fovea::feature_sizes ssdlite_maps{{20, 20}, {10, 10}, {5, 5}, {3, 3}, {2, 2}, {1, 1}};

std::vector<float> shapes(const default_box_table& table) {
    std::vector<float> values;
    for (std::size_t k = 0; k < table.levels(); ++k)
        for (const auto& shape : unclipped_box_shapes(table, k)) {
            values.push_back(shape.width);
            values.push_back(shape.height);
        }
    return values;
}

} // namespace

TEST_CASE("A table is checked and expanded at compile time") {
    constexpr default_boxes boxes(ssdlite320, ssdlite_maps, {320, 320});
    static_assert(boxes.size() == 3234);
    static_assert(boxes[0] == box{-24, -24, 40, 40});
    static_assert(default_box_shapes(ssdlite320, 5)[1].width <= 1.0F);
    static_assert(ssdlite320.boxes_per_cell(0) == 6 && ssd300.boxes_per_cell(0) == 4);
    CHECK(boxes.image().height == 320);
}

TEST_CASE("Default boxes equal torchvision's to the last bit") {
    const default_boxes other_size(custom, {{4, 5}, {3, 3}, {2, 2}, {1, 2}, {1, 1}, {1, 1}}, {193, 225});
    CHECK(other_size.to_vector() == boxes(detect_data("anchors_custom")));
    const default_box_table stepped{{{2}, {2, 3}}, fovea::linear_scales(0.2, 0.95, 2), {16, 50}};
    CHECK(default_boxes(stepped, {{3, 4}, {1, 2}}, {50, 70}).to_vector() ==
          boxes(detect_data("anchors_stepped")));
    CHECK(shapes(ssdlite320) == numbers<float>(detect_data("shapes_linear")));
}

TEST_CASE("Default boxes equal the shared golden to the last bit") {
    const auto golden = shared_golden("components", "anchors_default_boxes");
    if (!golden)
        return;
    const auto full = [&](const char* name) { return *golden->output(name).full; };
    CHECK(shapes(ssdlite320) == numbers<float>(full("ssdlite_wh_pairs")));
    CHECK(shapes(ssd300) == numbers<float>(full("ssd300_wh_pairs")));
    CHECK(default_boxes(ssdlite320, ssdlite_maps, {320, 320}).to_vector() == boxes(full("ssdlite_boxes")));
    const default_boxes large(ssd300, {{38, 38}, {19, 19}, {10, 10}, {5, 5}, {3, 3}, {1, 1}}, {300, 300});
    CHECK(large.to_vector() == boxes(full("ssd300_boxes")));
    CHECK(default_boxes(no_clip, {{2, 3}, {1, 1}}, {64, 96}).to_vector() == boxes(full("noclip_boxes")));
}

TEST_CASE("One level takes both ends as its scales, as torchvision does") {
    constexpr auto scales = fovea::linear_scales(0.25, 0.75, 1);
    static_assert(scales.size() == 2 && scales[0] == 0.25 && scales[1] == 0.75);
    CHECK(default_boxes({{{2}}, scales}, {{1, 2}}, {10, 20}).size() == 8);
}

TEST_CASE("Tables and sizes that make no boxes are input errors") {
    constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
    const fovea::feature_sizes one_map{{2, 2}};
    const auto make = [&](const default_box_table& table) { return default_boxes(table, one_map, {8, 8}); };
    CHECK(make({{{2}}, {0.1, 0.2}}).size() == 16);
    CHECK_THROWS_AS(make({}), fovea::input_error);
    CHECK_THROWS_AS(make({{{2}}, {0.1}}), fovea::input_error);
    CHECK_THROWS_AS(make({{{2}}, {0.1, not_a_number}}), fovea::input_error);
    CHECK_THROWS_AS(make({{{-2}}, {0.1, 0.2}}), fovea::input_error);
    CHECK_THROWS_AS(make({{{2}}, {0.1, 0.2}, {0}}), fovea::input_error);
    CHECK_THROWS_AS(make({{{2}}, {0.1, 0.2}, {8, 8}}), fovea::input_error);
    CHECK_THROWS_AS(make({{{2}, {2}}, {0.1, 0.2, 0.3}}), fovea::input_error);
    CHECK_THROWS_AS(default_boxes({{{2}}, {0.1, 0.2}}, one_map, {0, 8}), fovea::input_error);
    CHECK_THROWS_AS(default_boxes({{{2}}, {0.1, 0.2}}, {{std::size_t(1) << 40, 2}}, {8, 8}),
                    fovea::input_error);
    std::vector<box> too_few(15);
    CHECK_THROWS_AS(make({{{2}}, {0.1, 0.2}}).write(too_few), fovea::input_error);
}

TEST_CASE("A map without cells has no boxes and shifts nothing") {
    const default_boxes boxes({{{2}, {2}}, {0.1, 0.2, 0.3}}, {{0, 3}, {1, 1}}, {8, 8});
    REQUIRE(boxes.size() == 4);
    CHECK(boxes[0] == default_boxes({{{2}}, {0.2, 0.3}}, {{1, 1}}, {8, 8})[0]);
}
