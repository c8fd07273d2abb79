#include <fovea/train/data/color_planes.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace fovea;

namespace {

// picture() of tests/data/make_train_data.py, (3, height, width) in 0 .. 1.
struct color_picture {
    static constexpr std::size_t height = 13, width = 19, count = height * width;
    std::vector<float> values;

    color_picture() {
        std::vector<std::uint8_t> pixels = fovea::test::scene("colors", height, width);
        for (std::size_t x = 0; x < width; ++x)
            for (std::size_t c = 0; c < 3; ++c) {
                pixels[3 * x + c] = static_cast<std::uint8_t>(255 * x / (width - 1));
                pixels[3 * (width + x) + c] = static_cast<std::uint8_t>(255 * (x >> c & 1));
            }
        to_planes(pixels.data(), count, values);
    }
    view<float, 2> planes() { return {values.data(), {3, count}}; }
    fovea::test::array array() const { return {{3, height, width}, values}; }
};

// A value may differ by float rounding; hues by what a division by a small range makes of it.
constexpr float rounding = 3e-6F;

} // namespace

TEST_CASE("color changes agree with torchvision's") {
    const auto golden = fovea::test::own_golden("train_data", "colors");
    const auto check = [&](const std::string& name, auto adjust, std::vector<float> factors) {
        for (const float factor : factors) {
            color_picture picture;
            adjust(picture.planes(), factor);
            char output[40];
            std::snprintf(output, sizeof output, "%s_%g", name.c_str(), static_cast<double>(factor));
            INFO(output);
            CHECK(compare(golden.output(output), picture.array(), {0, 3e-6}));
        }
    };
    check("brightness", adjust_brightness, {0, 0.5F, 0.875F, 1, 1.125F, 3});
    check("contrast", adjust_contrast, {0, 0.5F, 1, 1.5F, 4});
    check("saturation", adjust_saturation, {0, 0.5F, 1, 1.5F, 4});
    check("hue", adjust_hue, {-0.5F, -0.05F, 0, 0.05F, 0.3F, 0.5F});
}

TEST_CASE("color changes happen in order") {
    const color_change changes[] = {{color_op::brightness, 1.2F, {}},
                                    {color_op::contrast, 0.7F, {}},
                                    {color_op::saturation, 1.4F, {}},
                                    {color_op::hue, 0.02F, {}},
                                    {color_op::channel_order, 1, {2, 0, 1}}};
    color_picture picture;
    apply(changes, picture.planes());
    CHECK(compare(fovea::test::own_golden("train_data", "colors").output("all"), picture.array(), {0, 1e-5}));
}

TEST_CASE("neutral changes change nothing") {
    color_picture before, after;
    adjust_brightness(after.planes(), 1);
    adjust_saturation(after.planes(), 1);
    adjust_contrast(after.planes(), 1);
    CHECK(after.values == before.values);
    adjust_hue(after.planes(), 0);
    float furthest = 0;
    for (std::size_t i = 0; i < before.values.size(); ++i)
        furthest = std::max(furthest, std::abs(after.values[i] - before.values[i]));
    CHECK(furthest < rounding);
}

TEST_CASE("every count of pixels, also fewer than a vector holds") {
    for (std::size_t count = 0; count < 40; ++count) {
        color_picture picture;
        std::vector<float> some(3 * count), whole = picture.values;
        for (std::size_t c = 0; c < 3; ++c)
            std::copy_n(whole.data() + c * color_picture::count, count, some.data() + c * count);
        adjust_hue({some.data(), {3, count}}, 0.1F);
        adjust_saturation({some.data(), {3, count}}, 1.3F);
        adjust_hue(picture.planes(), 0.1F);
        adjust_saturation(picture.planes(), 1.3F);
        adjust_contrast({some.data(), {3, count}}, 1.0F);
        for (std::size_t c = 0; c < 3; ++c)
            REQUIRE(std::equal(some.data() + c * count, some.data() + (c + 1) * count,
                               picture.values.data() + c * color_picture::count));
    }
}

TEST_CASE("bytes become planes and come back") {
    std::vector<std::uint8_t> bytes(3 * 256);
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<std::uint8_t>(i / 3 * (1 + i % 3));
    std::vector<float> planes;
    const auto view_of_planes = to_planes(bytes.data(), 256, planes);
    CHECK(planes[255] == 1.0F);
    CHECK(planes[256 + 100] == Approx(200.0 / 255));
    std::vector<std::uint8_t> again(bytes.size());
    from_planes(view_of_planes, again.data());
    CHECK(again == bytes);
    std::vector<float> normalized(bytes.size());
    from_planes(view_of_planes, {2, 3, 4}, {-1, 0, 1}, normalized.data());
    CHECK(normalized[3 * 255] == 1.0F);
    CHECK(normalized[3 * 100 + 1] == Approx(3 * 200.0 / 255));
    CHECK(normalized[2] == 1.0F);
}
