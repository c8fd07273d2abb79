#include "data.hpp"

#include <fovea/detect/box.hpp>

#include <catch2/catch.hpp>

#include <limits>

using fovea::box;
using namespace fovea::test;

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

} // namespace

TEST_CASE("IoU and GIoU equal torchvision's to the last bit") {
    const std::vector<box> b = boxes(detect_data("iou_boxes"));
    const std::vector<float> iou = numbers<float>(detect_data("iou")),
                             giou = numbers<float>(detect_data("giou"));
    for (std::size_t i = 0; i < b.size(); ++i)
        for (std::size_t j = 0; j < b.size(); ++j) {
            CAPTURE(i, j);
            CHECK(fovea::iou(b[i], b[j]) == iou[i * b.size() + j]);
            CHECK(fovea::giou(b[i], b[j]) == giou[i * b.size() + j]);
        }
}

TEST_CASE("IoU, GIoU, clipping and minimum sizes agree with the shared golden") {
    const auto golden = shared_golden("components", "nms");
    if (!golden)
        return;
    const std::vector<box> b = boxes(golden->input("boxes"));
    std::vector<float> iou, giou;
    for (std::size_t i = 0; i < 40; ++i)
        for (std::size_t j = 0; j < 40; ++j) {
            iou.push_back(fovea::iou(b[i], b[40 + j]));
            giou.push_back(fovea::giou(b[i], b[40 + j]));
        }
    CHECK(numbers<float>(*golden->output("iou").full) == iou);
    CHECK(numbers<float>(*golden->output("giou").full) == giou);
    std::vector<box> clipped;
    std::vector<std::size_t> large;
    for (std::size_t i = 0; i < b.size(); ++i) {
        clipped.push_back(clip(b[i], {200, 250}));
        if (has_min_size(b[i], 60))
            large.push_back(i);
    }
    CHECK(boxes(*golden->output("clipped").full) == clipped);
    CHECK(numbers<std::size_t>(*golden->output("small_boxes").full) == large);
}

TEST_CASE("Boxes that are apart, empty, inverted or NaN do not overlap") {
    const box unit{0, 0, 1, 1}, apart{2, 0, 3, 1}, touching{1, 0, 2, 1}, empty{0, 0, 0, 0},
        inverted{1, 1, 0, 0};
    CHECK(fovea::iou(unit, unit) == 1.0F);
    CHECK(fovea::iou(unit, apart) == 0.0F);
    CHECK(fovea::iou(unit, touching) == 0.0F);
    CHECK(fovea::iou(unit, empty) == 0.0F);
    CHECK(fovea::iou(unit, inverted) == 0.0F);
    CHECK(std::isnan(fovea::iou(empty, empty)));
    CHECK(std::isnan(fovea::iou(unit, {not_a_number, 0, 1, 1})));
    CHECK(fovea::giou(unit, apart) == -1.0F / 3.0F);
}

TEST_CASE("Clipping keeps NaN and brings everything else onto the image") {
    constexpr float infinite = std::numeric_limits<float>::infinity();
    static_assert(fovea::clip({-5, -5, 500, 500}, {20, 30}) == box{0, 0, 30, 20});
    CHECK(fovea::clip({-infinite, infinite, infinite, -infinite}, {20, 30}) == box{0, 20, 30, 0});
    CHECK(has_nan(fovea::clip({0, not_a_number, 1, 1}, {20, 30})));
    CHECK_FALSE(has_nan(box{0, 0, infinite, 1}));
}
