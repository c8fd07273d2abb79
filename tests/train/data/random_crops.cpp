#include <fovea/train/data/random_crops.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>
#include <vector>

using namespace fovea;

namespace {

constexpr image_size photo_size{640, 480};
constexpr std::uint64_t draws = 2000;

// Whether a share of `draws` agrees with a probability, within five standard deviations.
bool agrees(std::size_t count, double probability) {
    const double mean = probability * static_cast<double>(draws);
    return std::abs(static_cast<double>(count) - mean) < 5 * std::sqrt(mean * (1 - probability));
}

} // namespace

TEST_CASE("zooming out puts the photo somewhere into a larger canvas") {
    std::size_t zoomed = 0, left_half = 0, large = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        random_stream random(1, i);
        const auto canvas = draw(zoom_out{}, photo_size, random);
        if (!canvas)
            continue;
        ++zoomed;
        REQUIRE(canvas->width >= 640);
        REQUIRE(canvas->width <= 4 * 640);
        REQUIRE(canvas->left <= 0);
        REQUIRE(canvas->top <= 0);
        REQUIRE(static_cast<std::size_t>(-canvas->left) + 640 <= canvas->width);
        REQUIRE(static_cast<std::size_t>(-canvas->top) + 480 <= canvas->height);
        // One scale for both sides, up to truncation.
        REQUIRE(std::abs(static_cast<double>(canvas->width) / 640 -
                         static_cast<double>(canvas->height) / 480) < 0.003);
        left_half += 2 * static_cast<std::size_t>(-canvas->left) < canvas->width - 640 ? 1U : 0U;
        large += canvas->width > 1600 ? 1U : 0U;
    }
    CHECK(agrees(zoomed, 0.5));
    CHECK(agrees(left_half, 0.25));
    CHECK(agrees(large, 0.25));
}

TEST_CASE("IoU crops keep their limits and reach their overlap") {
    const std::vector<box> boxes{{20, 30, 220, 330}, {40, 30, 600, 450}, {600, 440, 630, 470}};
    for (const float overlap : {0.0F, 0.1F, 0.3F, 0.5F, 0.7F, 0.9F}) {
        iou_crop settings;
        settings.overlaps.fill(overlap);
        std::size_t found = 0;
        for (std::uint64_t i = 0; i < 200; ++i) {
            random_stream random(2, i);
            const auto crop = draw(settings, photo_size, boxes, random);
            if (!crop)
                continue;
            ++found;
            REQUIRE(is_inside(*crop, photo_size));
            const double aspect = static_cast<double>(crop->width) / static_cast<double>(crop->height);
            REQUIRE(aspect >= 0.5);
            REQUIRE(aspect <= 2);
            REQUIRE(crop->width >= 192);
            REQUIRE(crop->height >= 144);
            REQUIRE(std::any_of(boxes.begin(), boxes.end(), [&](const box& b) {
                return holds_center(as_box(*crop), b) && iou(b, as_box(*crop)) >= overlap;
            }));
        }
        INFO(overlap);
        CHECK(found == 200);
    }
}

TEST_CASE("one option of IoU crops in seven leaves the photo") {
    // A box that fills the photo: every crop overlaps it enough for all but the large options.
    const std::vector<box> boxes{{0, 0, 640, 480}};
    iou_crop settings;
    settings.overlaps = {0, 0, 0, 0, 0, 0, 1};
    std::size_t left = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        random_stream random(3, i);
        left += draw(settings, photo_size, boxes, random) ? 0U : 1U;
    }
    CHECK(agrees(left, 1.0 / 7));
    random_stream random;
    CHECK_FALSE(draw(settings, photo_size, {}, random)); // and photos without boxes stay
}

TEST_CASE("impossible IoU crops end") {
    iou_crop settings;
    settings.overlaps.fill(0.99F); // of a box of one pixel
    const std::vector<box> boxes{{3, 3, 4, 4}};
    random_stream random;
    CHECK_FALSE(draw(settings, photo_size, boxes, random));
}

TEST_CASE("scale jitter crops and zooms within its limits") {
    std::size_t zoomed = 0;
    double widths = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        random_stream random(4, i);
        const crop_window window = draw(scale_jitter{}, photo_size, random);
        const double x = static_cast<double>(window.width) / 640,
                     y = static_cast<double>(window.height) / 480;
        REQUIRE(std::sqrt(x * y) > 0.495);
        REQUIRE(std::sqrt(x * y) <= 1.15);
        REQUIRE(x / y > 0.795);
        REQUIRE(x / y < 1.26);
        // The smaller one of photo and window lies inside the other, on each axis.
        const auto inside = [](std::ptrdiff_t begin, std::size_t window_side, std::size_t side) {
            const auto end = begin + static_cast<std::ptrdiff_t>(window_side),
                       photo = static_cast<std::ptrdiff_t>(side);
            return window_side <= side ? begin >= 0 && end <= photo : begin <= 0 && end >= photo;
        };
        REQUIRE(inside(window.left, window.width, 640));
        REQUIRE(inside(window.top, window.height, 480));
        zoomed += x * y > 1 ? 1U : 0U;
        widths += std::sqrt(x * y);
    }
    CHECK(agrees(zoomed, 0.15 / 0.65));
    CHECK(widths / static_cast<double>(draws) == Approx(0.825).margin(0.02));
}

TEST_CASE("tiny photos give windows of at least one pixel") {
    for (std::uint64_t i = 0; i < 100; ++i) {
        random_stream random(5, i);
        const crop_window window = draw(scale_jitter{}, {1, 1}, random);
        CHECK(window.width == 1);
        CHECK(window.height == 1);
        const std::vector<box> boxes{{0, 0, 1, 1}};
        const auto crop = draw(iou_crop{}, {1, 1}, boxes, random);
        CHECK((!crop || *crop == whole({1, 1})));
        CHECK(draw(zoom_out{1, 1, 4}, {1, 1}, random)->width <= 4);
    }
}

TEST_CASE("fits are of all sizes and show no more than the input") {
    constexpr image_size input{512, 384};
    std::size_t larger = 0, left_half = 0;
    for (std::uint64_t i = 0; i < draws; ++i) {
        random_stream random(4, i);
        const resized_window w = draw(fit_jitter{}, photo_size, input, random); // its fit is 512x384
        const double scale = static_cast<double>(w.whole.width) / 512;
        REQUIRE(scale > 0.095);
        REQUIRE(scale <= 2);
        REQUIRE(std::abs(static_cast<double>(w.whole.height) / 384 - scale) < 0.006);
        REQUIRE(w.shown.width == std::min<std::size_t>(w.whole.width, 512));
        REQUIRE(w.shown.height == std::min<std::size_t>(w.whole.height, 384));
        REQUIRE(w.left + w.shown.width <= w.whole.width);
        REQUIRE(w.top + w.shown.height <= w.whole.height);
        larger += w.whole.width > 512 ? 1U : 0U;
        left_half += w.whole.width > 512 && 2 * w.left < w.whole.width - 512 ? 1U : 0U;
    }
    CHECK(agrees(larger, 1 / 1.9));
    CHECK(agrees(left_half, 0.5 / 1.9));
    random_stream random(5, 0);
    const resized_window sliver = fovea::draw(fit_jitter{0.1F, 0.1F}, image_size{10000, 10}, input, random);
    CHECK((sliver.shown == image_size{51, 1}));
}
