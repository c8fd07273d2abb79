#include <fovea/train/data/augment_detection.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace fovea;

namespace {

constexpr std::size_t input_height = 20, input_width = 24;
const preset half_input = stretch_preset(input_height, input_width, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F});

struct augmented {
    std::vector<float> pixels; // (height, width, 3)
    training_objects objects;

    fovea::test::array planes() const {
        std::vector<float> values;
        for (std::size_t c = 0; c < 3; ++c)
            for (std::size_t i = c; i < pixels.size(); i += 3)
                values.push_back(pixels[i]);
        return {{3, input_height, input_width}, values};
    }
};

image scene_of(const std::string& name, std::size_t width, std::size_t height) {
    image photo(width, height);
    photo.pixels = fovea::test::scene(name, height, width);
    return photo;
}

augmented run(const detection_augmentation& augmentation, image_view photo, training_objects objects = {},
              std::uint64_t stream = 0, const preset& input = half_input) {
    augmented out{std::vector<float>(3 * input.height * input.width), std::move(objects)};
    augment_workspace workspace;
    random_stream random(1, stream);
    augment(augmentation, input, photo, out.objects, random,
            {out.pixels.data(), {input.height, input.width, 3}}, workspace);
    return out;
}

// The preset applied to a window, as augment() does it.
augmented run_window(image_view photo, crop_window window) {
    image scratch;
    return run({}, cut(photo, window, {123, 117, 104}, scratch));
}

const fovea::test::golden_case& window_goldens() {
    static const auto golden = fovea::test::own_golden("train_data", "windows");
    return golden;
}

const std::vector<box> some_boxes{{1, 2, 20, 30}, {10, 5, 40, 12}, {30, 20, 43, 30}, {0, 0, 44, 31}};
const training_objects some_objects{some_boxes, {1, 2, 3, 4}};

} // namespace

TEST_CASE("crops, zooms and crops of zooms agree with torchvision's") {
    const image photo = scene_of("windows", 44, 31);
    const fovea::test::tolerance close{0, 1e-5};
    CHECK(compare(window_goldens().output("crop"), run_window(photo, {5, 3, 30, 17}).planes(), close));
    CHECK(compare(window_goldens().output("zoom_out"), run_window(photo, {-4, -7, 60, 50}).planes(), close));
    CHECK(compare(window_goldens().output("crop_of_canvas"),
                  run_window(photo, {-4 + 10, -7 + 2, 50, 33}).planes(), close));
}

TEST_CASE("colors after the resize agree with torchvision's") {
    detection_augmentation augmentation;
    augmentation.color = color_jitter{{1.25F, 1.25F}, {}, {0.5F, 0.5F}, {0, 0}};
    const image photo = scene_of("windows", 44, 31);
    std::size_t agreeing = 0; // brightness comes first in half of the streams
    for (std::uint64_t stream = 0; stream < 10; ++stream)
        agreeing += compare(window_goldens().output("colored"), run(augmentation, photo, {}, stream).planes(),
                            {0, 1e-5})
                        ? 1U
                        : 0U;
    CHECK(agreeing > 0);
}

TEST_CASE("without steps boxes are stretched with the photo") {
    const augmented plain = run({}, scene_of("windows", 48, 40), {{{4, 4, 24, 20}, {0, 0, 48, 40}}, {5, 6}});
    CHECK(plain.objects.boxes == std::vector<box>{{2, 2, 12, 10}, {0, 0, 24, 20}});
    CHECK(plain.objects.labels == std::vector<int>{5, 6});
}

TEST_CASE("flips mirror pixels and boxes") {
    const image photo = scene_of("windows", 44, 31);
    const augmented plain = run({}, photo, some_objects);
    detection_augmentation flips;
    flips.horizontal_flip = 1;
    const augmented mirrored = run(flips, photo, some_objects);
    flips.vertical_flip = 1;
    const augmented turned = run(flips, photo, some_objects);
    std::size_t wrong = 0;
    for (std::size_t y = 0; y < input_height; ++y)
        for (std::size_t x = 0; x < 3 * input_width; ++x) {
            const std::size_t across = 3 * (input_width - 1 - x / 3) + x % 3, row = 3 * input_width;
            wrong += mirrored.pixels[y * row + x] != plain.pixels[y * row + across] ? 1U : 0U;
            wrong +=
                turned.pixels[y * row + x] != plain.pixels[(input_height - 1 - y) * row + across] ? 1U : 0U;
        }
    CHECK(wrong == 0);
    for (std::size_t i = 0; i < some_boxes.size(); ++i) {
        const box &a = plain.objects.boxes[i], &b = mirrored.objects.boxes[i], &c = turned.objects.boxes[i];
        CHECK(b.x1 == Approx(24 - a.x2).margin(1e-4));
        CHECK(b.x2 == Approx(24 - a.x1).margin(1e-4));
        CHECK(b.y1 == a.y1);
        CHECK(c.y1 == Approx(20 - a.y2).margin(1e-4));
        CHECK(c.x1 == b.x1);
    }
}

TEST_CASE("every preset keeps boxes trainable, inside the input, and on their objects") {
    // A photo that is black but for one white rectangle, its box.
    const box object{60, 40, 110, 90};
    image photo(160, 120);
    for (std::size_t y = 40; y < 90; ++y)
        std::fill(photo.row(y) + 3 * 60, photo.row(y) + 3 * 110, std::uint8_t{255});
    preset stretch = stretch_preset(64, 64, {0, 0, 0}, {1, 1, 1}), letterbox = stretch, padded = effdet_preset(64, 64);
    letterbox.rule = resize_rule::letterbox;
    padded.mean = {0, 0, 0};
    padded.std = {1, 1, 1};
    padded.padding = {0, 0, 0};
    std::size_t kept = 0;
    for (const auto& [name, input] : std::vector<std::pair<const char*, preset>>{{"ssd", stretch},
                                                                                {"ssdlite", stretch},
                                                                                {"hflip", stretch},
                                                                                {"scale_jitter", stretch},
                                                                                {"none", stretch},
                                                                                {"ssd", letterbox},
                                                                                {"scale_jitter", padded},
                                                                                {"efficientdet", letterbox},
                                                                                {"efficientdet", padded}})
        for (std::uint64_t stream = 0; stream < 60; ++stream) {
            detection_augmentation augmentation = detection_augmentation_named(name);
            augmentation.distort.reset(); // so that white stays white
            augmentation.color.reset();
            augmentation.fill = {0, 0, 0};
            const augmented out = run(augmentation, photo, {{object}, {7}}, stream, input);
            REQUIRE(out.objects.boxes.size() == out.objects.labels.size());
            if (out.objects.boxes.empty())
                continue;
            ++kept;
            CHECK(out.objects.labels == std::vector<int>{7});
            const box& b = out.objects.boxes[0];
            REQUIRE((b.x1 >= 0 && b.y1 >= 0 && b.x2 <= 64 && b.y2 <= 64 && b.x2 > b.x1 && b.y2 > b.y1));
            // White pixels lie in the box, and the box is full of them, up to the blur at its edges.
            std::size_t outside = 0, dark = 0;
            for (std::size_t y = 0; y < 64; ++y)
                for (std::size_t x = 0; x < 64; ++x) {
                    const float value = out.pixels[3 * (64 * y + x)];
                    const float cx = static_cast<float>(x) + 0.5F, cy = static_cast<float>(y) + 0.5F;
                    const bool within = cx > b.x1 + 1 && cx < b.x2 - 1 && cy > b.y1 + 1 && cy < b.y2 - 1;
                    const bool beyond = cx < b.x1 - 1 || cx > b.x2 + 1 || cy < b.y1 - 1 || cy > b.y2 + 1;
                    outside += beyond && value > 0 ? 1U : 0U;
                    dark += within && value < 0.99F ? 1U : 0U;
                }
            INFO(name << " " << stream);
            CHECK(outside == 0);
            CHECK(dark == 0);
        }
    CHECK(kept > 400);
}

TEST_CASE("the same stream gives the same image, another one another") {
    const image photo = scene_of("windows", 44, 31);
    for (const char* name : {"ssd", "scale_jitter"}) {
        const detection_augmentation augmentation = detection_augmentation_named(name);
        const augmented a = run(augmentation, photo, some_objects, 3),
                        b = run(augmentation, photo, some_objects, 3),
                        c = run(augmentation, photo, some_objects, 4);
        CHECK(a.pixels == b.pixels);
        CHECK(a.objects.boxes == b.objects.boxes);
        CHECK(a.pixels != c.pixels);
    }
}

TEST_CASE("distortion changes colors of the photo only, not of the fill") {
    detection_augmentation augmentation;
    augmentation.distort = photometric_distort{{0, 0}, {1, 1}, {1, 1}, {0, 0}, 1};
    augmentation.zoom = zoom_out{1, 4, 4};
    const augmented out = run(augmentation, scene_of("windows", 44, 31));
    // A black photo on a canvas of 16 times its area: the fill is most of it.
    const float fill = 123.0F / 127.5F - 1;
    const auto filled = std::count_if(out.pixels.begin(), out.pixels.end(),
                                      [&](float v) { return std::abs(v - fill) < 1e-5F; });
    CHECK(filled > static_cast<std::ptrdiff_t>(input_height * input_width * 3 / 4));
    CHECK(std::count(out.pixels.begin(), out.pixels.end(), -1.0F) > 20);
}

TEST_CASE("photos without objects, one pixel, and channels in the other order") {
    const augmented out = run(ssd_augmentation(), scene_of("windows", 44, 31));
    CHECK(out.objects.boxes.empty());
    image dot(1, 1);
    dot.pixels = {255, 0, 51};
    const augmented constant = run({}, dot);
    CHECK(constant.pixels[0] == Approx(1));
    preset bgr = half_input;
    bgr.channels = channel_order::bgr;
    for (const bool with_color : {false, true}) {
        detection_augmentation augmentation;
        if (with_color)
            augmentation.color.emplace();
        const augmented swapped = run(augmentation, dot, {}, 0, bgr);
        CHECK(swapped.pixels[0] == Approx(-0.6));
        CHECK(swapped.pixels[1] == Approx(-1));
        CHECK(swapped.pixels[2] == Approx(1));
    }
}

TEST_CASE("a fit without jitter is what inference does, its content mirrored in place") {
    const image photo = scene_of("windows", 44, 31); // 24x16 of 24x20 pixels
    for (const preset& input : {letterbox_preset(20, 24), automl_letterbox_preset(20, 24), effdet_preset(20, 24)}) {
        std::vector<float> expected(20 * 24 * 3);
        preprocess_workspace workspace;
        const placement where = apply(input, photo, {expected.data(), {20, 24, 3}}, workspace);
        const augmented plain = run({}, photo, {{{11, 0, 22, 31}}, {1}}, 0, input);
        CHECK(plain.pixels == expected);
        detection_augmentation same_colors;
        same_colors.color = color_jitter{{1, 1}, {1, 1}, {1, 1}, {0, 0}};
        const augmented colored = run(same_colors, photo, {}, 0, input);
        double difference = 0;
        for (std::size_t i = 0; i < expected.size(); ++i)
            difference = std::max(difference, static_cast<double>(std::abs(colored.pixels[i] - expected[i])));
        CHECK(difference < 1e-5);
        detection_augmentation flips;
        flips.horizontal_flip = flips.vertical_flip = 1;
        const augmented turned = run(flips, photo, {{{11, 0, 22, 31}}, {1}}, 0, input);
        const std::size_t w = where.content.width, h = where.content.height;
        REQUIRE((w >= 23 && h == 16));
        std::size_t wrong = 0;
        for (std::size_t y = 0; y < 20; ++y)
            for (std::size_t x = 0; x < 24; ++x)
                for (std::size_t c = 0; c < 3; ++c) {
                    const bool inside = x < w && y < h;
                    const std::size_t from = inside ? (h - 1 - y) * 24 + w - 1 - x : y * 24 + x;
                    wrong += turned.pixels[3 * (24 * y + x) + c] != expected[3 * from + c] ? 1U : 0U;
                }
        CHECK(wrong == 0);
        const box &a = plain.objects.boxes.at(0), &b = turned.objects.boxes.at(0);
        CHECK(a.x1 == Approx(6).margin(0.1));
        CHECK(b.x1 == Approx(static_cast<float>(w) - a.x2).margin(1e-4));
        CHECK(b.y2 == Approx(static_cast<float>(h) - a.y1).margin(1e-4));
    }
}

TEST_CASE("a larger fit shows a window of the resized photo, a smaller one is padded") {
    const image photo = scene_of("windows", 44, 31);
    for (const preset& input : {letterbox_preset(20, 24), effdet_preset(20, 24)}) {
        detection_augmentation augmentation;
        augmentation.fit = fit_jitter{2, 2}; // 48x33 pixels
        preset twice = input;
        twice.width = 48;
        twice.height = 34; // so that the width decides
        std::vector<float> whole(34 * 48 * 3);
        preprocess_workspace workspace;
        apply(twice, photo, {whole.data(), {34, 48, 3}}, workspace);
        const box object{0, 0, 44, 31};
        std::size_t places = 0;
        for (std::uint64_t stream = 0; stream < 40; ++stream) {
            const augmented out = run(augmentation, photo, {{object, {0, 0, 1, 1}}, {1, 2}}, stream, input);
            REQUIRE(!out.objects.boxes.empty());
            CHECK(out.objects.boxes[0] == box{0, 0, 24, 20});
            for (std::size_t top = 0; top <= 33 - 20; ++top)
                for (std::size_t left = 0; left <= 48 - 24; ++left) {
                    std::size_t wrong = 0;
                    for (std::size_t y = 0; y < 20 && wrong == 0; ++y)
                        wrong += std::equal(out.pixels.begin() + static_cast<std::ptrdiff_t>(72 * y),
                                            out.pixels.begin() + static_cast<std::ptrdiff_t>(72 * y + 72),
                                            whole.begin() + static_cast<std::ptrdiff_t>(3 * (48 * (top + y) + left)))
                                     ? 0U
                                     : 1U;
                    if (wrong != 0)
                        continue;
                    ++places;
                    CHECK((out.objects.boxes.size() == 2) == (top < 2 && left < 2));
                }
        }
        CHECK(places == 40);
        augmentation.fit = fit_jitter{0.25F, 0.25F}; // 6x4 pixels
        augmentation.color = color_jitter{{1.25F, 1.25F}, {}, {}, {}};
        const augmented small = run(augmentation, photo, {{object}, {1}}, 0, input);
        CHECK(small.objects.boxes.at(0) == box{0, 0, 6, 4});
        const float mean = input.rule == resize_rule::letterbox ? 0 : (124.0F / 255.0F - 0.485F) / 0.229F;
        CHECK(small.pixels[3 * 6] == mean);
        CHECK(small.pixels[3 * 24 * 4] == mean);
        CHECK(small.pixels[3 * 5] != mean);
    }
}

TEST_CASE("wrong presets, shapes and names are errors") {
    const image photo = scene_of("windows", 44, 31);
    CHECK_THROWS_AS(run({}, photo, {}, 0, segmentation_preset(20)), input_error);
    CHECK_THROWS_AS(run(efficientdet_augmentation(), photo), input_error);
    CHECK_THROWS_AS(run({}, image_view()), input_error);
    std::vector<float> few(3);
    augment_workspace workspace;
    training_objects objects;
    random_stream random;
    CHECK_THROWS_AS(
        augment({}, half_input, photo, objects, random, view<float, 3>(few.data(), {1, 1, 3}), workspace),
        input_error);
    CHECK_THROWS_WITH(detection_augmentation_named("lsj"), Catch::Contains("got lsj"));
}
