// Filters and repeats against every value published for EfficientNet.
#include <fovea/math/rounding.hpp>
#include <fovea/tables/efficientnet.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

// A published network: stem, outputs and blocks of the seven stages, last convolution.
struct published_widths {
    int stem, outs[7], blocks[7], head;
};

constexpr bool agrees(const tables::efficientnet_table& t, const published_widths& p) {
    bool same = tables::stem_channels(t) == p.stem && tables::head_channels(t) == p.head;
    for (int i = 0; i < 7; ++i) {
        const tables::mbconv_stage stage = tables::scaled_stage(t, i);
        same = same && stage.out == p.outs[i] && stage.n == p.blocks[i];
    }
    return same;
}

// torchvision's networks (Tan and Le 2019)
constexpr published_widths published[] = {
    {32, {16, 24, 40, 80, 112, 192, 320}, {1, 2, 2, 3, 3, 4, 1}, 1280},
    {32, {16, 24, 40, 80, 112, 192, 320}, {2, 3, 3, 4, 4, 5, 2}, 1280},
    {32, {16, 24, 48, 88, 120, 208, 352}, {2, 3, 3, 4, 4, 5, 2}, 1408},
    {40, {24, 32, 48, 96, 136, 232, 384}, {2, 3, 3, 5, 5, 6, 2}, 1536},
    {48, {24, 32, 56, 112, 160, 272, 448}, {2, 4, 4, 6, 6, 8, 2}, 1792},
    {48, {24, 40, 64, 128, 176, 304, 512}, {3, 5, 5, 7, 7, 9, 3}, 2048},
    {56, {32, 40, 72, 144, 200, 344, 576}, {3, 6, 6, 8, 8, 11, 3}, 2304},
    {64, {32, 48, 80, 160, 224, 384, 640}, {4, 7, 7, 10, 10, 13, 4}, 2560},
};
static_assert(agrees(tables::efficientnet_b0, published[0]));
static_assert(agrees(tables::efficientnet_b1, published[1]));
static_assert(agrees(tables::efficientnet_b2, published[2]));
static_assert(agrees(tables::efficientnet_b3, published[3]));
static_assert(agrees(tables::efficientnet_b4, published[4]));
static_assert(agrees(tables::efficientnet_b5, published[5]));
static_assert(agrees(tables::efficientnet_b6, published[6]));
static_assert(agrees(tables::efficientnet_b7, published[7]));

// timm's tf_efficientnet_lite0 to 4
constexpr published_widths published_lite[] = {
    {32, {16, 24, 40, 80, 112, 192, 320}, {1, 2, 2, 3, 3, 4, 1}, 1280},
    {32, {16, 24, 40, 80, 112, 192, 320}, {1, 3, 3, 4, 4, 5, 1}, 1280},
    {32, {16, 24, 48, 88, 120, 208, 352}, {1, 3, 3, 4, 4, 5, 1}, 1280},
    {32, {24, 32, 48, 96, 136, 232, 384}, {1, 3, 3, 5, 5, 6, 1}, 1280},
    {32, {24, 32, 56, 112, 160, 272, 448}, {1, 4, 4, 6, 6, 8, 1}, 1280},
};
static_assert(agrees(tables::efficientnet_lite0, published_lite[0]));
static_assert(agrees(tables::efficientnet_lite1, published_lite[1]));
static_assert(agrees(tables::efficientnet_lite2, published_lite[2]));
static_assert(agrees(tables::efficientnet_lite3, published_lite[3]));
static_assert(agrees(tables::efficientnet_lite4, published_lite[4]));

} // namespace

TEST_CASE("filters are rounded to multiples of 8, never down by more than a tenth") {
    CHECK(scaled_filters(16, 1.2) == 24); // 19.2: 16 would be too few
    CHECK(scaled_filters(24, 1.1) == 24);
    CHECK(scaled_filters(40, 1.1) == 48); // 44: halves go up
    CHECK(scaled_filters(16, 0.1) == 8);
}

TEST_CASE("repeats are rounded up") {
    CHECK(scaled_repeats(1, 1.0) == 1);
    CHECK(scaled_repeats(1, 1.1) == 2);
    CHECK(scaled_repeats(5, 0.2) == 1);
    CHECK(scaled_repeats(4, 3.1) == 13);
}

TEST_CASE("a table with another input resizes photos in proportion") {
    CHECK(tables::efficientnet_b0.with_input(112, 112).resize == 128);
    CHECK(tables::efficientnet_b7.with_input(300, 200).resize == 300);
    CHECK(tables::efficientnet_lite0.with_input(448, 448).resize == 512);
}
