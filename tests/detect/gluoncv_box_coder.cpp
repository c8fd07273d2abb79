#include "data.hpp"

#include <fovea/detect/gluoncv_box_coder.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using fovea::box_offsets;
using fovea::gluoncv_box_coder;
using namespace fovea::test;

namespace {

void check_decoding(const golden_case& golden) {
    const std::vector<box> anchors = boxes(golden.input("anchors"));
    const std::vector<float> p = numbers<float>(golden.input("pred"));
    std::vector<box> decoded;
    for (std::size_t i = 0; i < anchors.size(); ++i)
        decoded.push_back(
            gluoncv_box_coder{}.decode({p[4 * i], p[4 * i + 1], p[4 * i + 2], p[4 * i + 3]}, anchors[i]));
    CHECK(compare(golden.output("decoded"), to_array(decoded)));
}

} // namespace

// Encoding: tests/train/target/gluoncv_target.cpp.
TEST_CASE("Decoding agrees with GluonCV's decoder") {
    check_decoding(own_golden("train/loss", "box_coder_gluoncv"));
    if (const auto golden = shared_golden("components", "box_coder_gluoncv"))
        check_decoding(*golden);
}

TEST_CASE("GluonCV's encoder and decoder undo each other, means included") {
    const gluoncv_box_coder coder{{0.1F, 0.3F, 0.2F, 0.5F}, {0.05F, -0.1F, 0.2F, 0.3F}};
    const box target{12, 7, 80, 33}, anchor{20, 1, 60, 21};
    const box back = coder.decode(coder.encode(target, anchor), anchor);
    CHECK(back.x1 == Approx(12).epsilon(1e-5));
    CHECK(back.y1 == Approx(7).epsilon(1e-5));
    CHECK(back.x2 == Approx(80).epsilon(1e-5));
    CHECK(back.y2 == Approx(33).epsilon(1e-5));
    const box same = gluoncv_box_coder{}.decode({0, 0, 0, 0}, anchor);
    CHECK(same == anchor);
    CHECK(has_nan(coder.decode({0, 0, 0, std::numeric_limits<float>::quiet_NaN()}, anchor)));
    CHECK_FALSE(std::isfinite(coder.encode(box{3, 3, 3, 3}, anchor).dw));
}
