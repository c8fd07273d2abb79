#include <fovea/train/data/crop_window.hpp>

#include <catch2/catch.hpp>

#include "support/fill.hpp"

#include <numeric>

using namespace fovea;

namespace {

image scene_photo(std::size_t width, std::size_t height) {
    image photo(width, height);
    photo.pixels = fovea::test::scene("window", height, width);
    return photo;
}

rgb_color pixel(image_view picture, std::size_t x, std::size_t y) {
    const std::uint8_t* p = picture.row(y) + 3 * x;
    return {p[0], p[1], p[2]};
}

} // namespace

TEST_CASE("a window shows the photo's pixels, and the fill around it") {
    const image photo = scene_photo(17, 11);
    const rgb_color fill{1, 2, 3};
    const crop_window windows[] = {{0, 0, 17, 11},   {3, 2, 5, 4},   {-4, -3, 30, 20},
                                   {-4, 2, 9, 3},    {10, 8, 20, 9}, {20, 3, 4, 5},
                                   {-30, -30, 5, 6}, {2, -5, 3, 30}, {16, 10, 1, 1}};
    for (const crop_window& w : windows) {
        image scratch;
        const image_view shown = cut(photo, w, fill, scratch);
        REQUIRE(shown.width == w.width);
        REQUIRE(shown.height == w.height);
        std::size_t wrong = 0;
        for (std::size_t y = 0; y < w.height; ++y)
            for (std::size_t x = 0; x < w.width; ++x) {
                const auto px = w.left + static_cast<std::ptrdiff_t>(x),
                           py = w.top + static_cast<std::ptrdiff_t>(y);
                const bool inside = px >= 0 && px < 17 && py >= 0 && py < 11;
                const rgb_color expected =
                    inside ? pixel(photo, static_cast<std::size_t>(px), static_cast<std::size_t>(py)) : fill;
                wrong += pixel(shown, x, y) != expected ? 1U : 0U;
            }
        INFO(w.left << " " << w.top << " " << w.width << " " << w.height);
        CHECK(wrong == 0);
        CHECK((shown.pixels == scratch.pixels.data()) ==
              !is_inside(w, photo.size())); // copied only if needed
    }
}

TEST_CASE("cutting a view with gaps between rows") {
    const image photo = scene_photo(17, 11);
    image scratch;
    const image_view part(photo.row(1) + 6, 9, 8, 3 * 17);
    const image_view shown = cut(part, {-1, 0, 5, 5}, {}, scratch);
    CHECK(pixel(shown, 1, 0) == pixel(photo, 2, 1));
    CHECK(pixel(shown, 4, 4) == pixel(photo, 5, 5));
}

TEST_CASE("a crop keeps boxes by their centres and clips them") {
    training_objects objects{{{0, 0, 10, 10}, {4, 4, 8, 8}, {10, 10, 30, 20}, {2, 2, 6, 6}}, {1, 2, 3, 4}};
    crop_boxes({4, 4, 16, 12}, objects); // x 4 .. 20, y 4 .. 16
    // The last one's centre lies on the corner, which is outside.
    CHECK(objects.labels == std::vector<int>{1, 2});
    CHECK(objects.boxes == std::vector<box>{{0, 0, 6, 6}, {0, 0, 4, 4}});
    crop_boxes({-2, -1, 40, 40}, objects);
    CHECK(objects.boxes == std::vector<box>{{2, 1, 8, 7}, {2, 1, 6, 5}});
    crop_boxes({0, 0, 1, 1}, objects);
    CHECK(objects.boxes.empty());
    CHECK(objects.labels.empty());
}

TEST_CASE("flips of boxes and pixels are involutions and agree") {
    const image photo = scene_photo(13, 6);
    image flipped = photo;
    flip_pixels_horizontally(flipped.pixels.data(), 13, 6);
    CHECK(pixel(flipped, 0, 2) == pixel(photo, 12, 2));
    CHECK(pixel(flipped, 6, 2) == pixel(photo, 6, 2));
    flip_pixels_horizontally(flipped.pixels.data(), 13, 6);
    CHECK(flipped.pixels == photo.pixels);
    flip_pixels_vertically(flipped.pixels.data(), 13, 6);
    CHECK(pixel(flipped, 4, 0) == pixel(photo, 4, 5));
    flip_pixels_vertically(flipped.pixels.data(), 13, 6);
    CHECK(flipped.pixels == photo.pixels);

    const std::vector<box> boxes{{1, 2, 4.5F, 3}, {0, 0, 13, 6}};
    std::vector<box> turned = boxes;
    flip_boxes_horizontally(13, turned);
    CHECK(turned == std::vector<box>{{8.5F, 2, 12, 3}, {0, 0, 13, 6}});
    flip_boxes_horizontally(13, turned);
    CHECK(turned == boxes);
    flip_boxes_vertically(6, turned);
    CHECK(turned == std::vector<box>{{1, 3, 4.5F, 4}, {0, 0, 13, 6}});
    flip_boxes_vertically(6, turned);
    CHECK(turned == boxes);
}
