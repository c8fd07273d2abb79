#include "data.hpp"

#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/detect/efficientdet_box_coder.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <limits>

using fovea::box;
using fovea::box_deltas;
using fovea::efficientdet_box_coder;
using namespace fovea::test;

namespace {

std::vector<box> decoded(const std::vector<box>& anchors, const std::vector<float>& d) {
    std::vector<box> result;
    for (std::size_t i = 0; i < anchors.size(); ++i)
        result.push_back(efficientdet_box_coder{}.decode({d[4 * i], d[4 * i + 1], d[4 * i + 2], d[4 * i + 3]},
                                                         anchors[i]));
    return result;
}

std::vector<box> clipped(std::vector<box> boxes, fovea::spatial_size image) {
    for (box& b : boxes)
        b = clip_near_sides(b, image);
    return boxes;
}

golden_output wanted(const char* name) {
    golden_output want;
    want.full = detect_data(name);
    want.shape = want.full->shape;
    want.max = *std::max_element(want.full->values.begin(), want.full->values.end());
    return want;
}

} // namespace

TEST_CASE("EfficientDet's boxes are decoded and clipped as the ports do") {
    fovea::efficientdet_anchor_table table;
    table.max_level = 5;
    const fovea::efficientdet_anchors anchors(table, {32, 64});
    const std::vector<box> got =
        decoded(anchors.to_vector(), numbers<float>(detect_data("efficientdet_deltas")));
    CHECK(compare(wanted("efficientdet_decoded"), to_array(got)));
    CHECK(compare(wanted("efficientdet_clipped_near"), to_array(clipped(got, {32, 64}))));
    if (const auto golden = shared_golden("components", "box_coder_efficientdet")) {
        std::vector<box> golden_anchors = boxes(golden->input("anchors_yxyx"));
        for (box& b : golden_anchors)
            b = {b.y1, b.x1, b.y2, b.x2};
        const std::vector<box> all = decoded(golden_anchors, numbers<float>(golden->input("deltas")));
        CHECK(compare(golden->output("decoded_xyxy"), to_array(all)));
        CHECK(compare(golden->output("clipped_xyxy"), to_array(clipped(all, {384, 512}))));
    }
}

TEST_CASE("EfficientDet's encoder and decoder undo each other") {
    const box target{12, 7, 80, 33}, anchor{20, 1, 60, 21};
    const box back = efficientdet_box_coder{}.decode(efficientdet_box_coder{}.encode(target, anchor), anchor);
    CHECK(back.x1 == Approx(12).epsilon(1e-5));
    CHECK(back.y1 == Approx(7).epsilon(1e-5));
    CHECK(back.x2 == Approx(80).epsilon(1e-5));
    CHECK(back.y2 == Approx(33).epsilon(1e-5));
    const box_deltas thin = efficientdet_box_coder{0, 1}.encode({30, 7, 30.25F, 33}, anchor);
    CHECK(thin.dw == Approx(std::log(1.0 / 40)));
    CHECK(thin.dx == Approx((30.125 - 40) / 40));
    CHECK(std::isfinite(efficientdet_box_coder{1e-7F, 0}.encode(anchor, {5, 5, 5, 5}).dw));
}

TEST_CASE("Growth is not limited, NaN deltas stay NaN") {
    const box anchor{0, 0, 10, 10};
    CHECK(efficientdet_box_coder{}.decode({0, 0, 0, 6}, anchor).x2 == Approx(5 + 5 * std::exp(6.0)));
    const float nan = std::numeric_limits<float>::quiet_NaN();
    const box b = efficientdet_box_coder{}.decode({0, nan, 0, 0}, anchor);
    CHECK((std::isnan(b.x1) && std::isnan(b.x2) && b.y1 == 0 && b.y2 == 10));
}

TEST_CASE("Two ways to clip") {
    const fovea::image_extent image{30.5F, 40};
    CHECK(clip_near_sides({-5, 45, 50, 60}, image) == box{0, 45, 39, 29.5F});
    CHECK(clip_all_sides({-5, 45, 50, 60}, image) == box{0, 30.5F, 40, 30.5F});
    CHECK(fovea::image_extent(fovea::spatial_size{3, 4}).width == 4);
}
