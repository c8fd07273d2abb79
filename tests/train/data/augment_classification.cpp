#include <fovea/train/data/augment_classification.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

using namespace fovea;

namespace {

constexpr std::uint64_t crop_draws = 2000;
constexpr std::size_t side_y = 16, side_x = 18;

preset small_classifier(interpolation_mode filter = interpolation_mode::bilinear) {
    preset p = classification_preset(16, 20, filter);
    p.height = side_y;
    p.width = side_x;
    return p;
}

std::vector<float> augmented_photo(const classification_augmentation& augmentation, const preset& input,
                                   image_view photo, std::uint64_t stream = 0) {
    std::vector<float> out(3 * input.height * input.width);
    augment_workspace workspace;
    random_stream random(1, stream);
    augment(augmentation, input, photo, random, {out.data(), {input.height, input.width, 3}}, workspace);
    return out;
}

fovea::test::array as_planes(const std::vector<float>& pixels) {
    std::vector<float> values;
    for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t i = c; i < pixels.size(); i += 3)
            values.push_back(pixels[i]);
    return {{3, side_y, side_x}, values};
}

image windows_scene() {
    image photo(44, 31);
    photo.pixels = fovea::test::scene("windows", 31, 44);
    return photo;
}

} // namespace

TEST_CASE("a resized crop, mirrored and normalized, agrees with torchvision's") {
    const image photo = windows_scene();
    const auto golden = fovea::test::own_golden("train_data", "windows");
    for (const auto& [name, filter] : {std::pair("bilinear", interpolation_mode::bilinear),
                                       std::pair("bicubic", interpolation_mode::bicubic)}) {
        // The whole of the golden's crop: area and aspect leave no choice.
        const image_view crop(photo.row(4) + 3 * 6, 33, 21, 3 * 44);
        classification_augmentation augmentation;
        augmentation.crop = random_resized_crop{1, 1, 33.0 / 21, 33.0 / 21};
        augmentation.horizontal_flip = 1;
        CHECK(compare(golden.output(std::string("classify_") + name),
                      as_planes(augmented_photo(augmentation, small_classifier(filter), crop)), {0, 1e-5}));
    }
}

TEST_CASE("without steps the image is that of validation") {
    const image photo = windows_scene();
    const preset input = small_classifier();
    std::vector<float> expected(3 * side_y * side_x);
    preprocess_workspace workspace;
    apply(input, photo, view<float, 3>(expected.data(), {side_y, side_x, 3}), workspace);
    const std::vector<float> plain = augmented_photo({}, input, photo);
    for (std::size_t i = 0; i < plain.size(); ++i)
        REQUIRE(plain[i] == Approx(expected[i]).margin(1e-5));
}

TEST_CASE("resized crops: area and aspect within limits, anywhere in the photo") {
    double areas = 0, left = 0;
    for (std::uint64_t i = 0; i < crop_draws; ++i) {
        random_stream random(2, i);
        const crop_window window = draw(random_resized_crop{}, {500, 375}, random);
        REQUIRE(is_inside(window, {500, 375}));
        const double w = static_cast<double>(window.width), h = static_cast<double>(window.height);
        REQUIRE(w * h / (500 * 375) > 0.078);
        REQUIRE(w / h > 0.74);
        REQUIRE(w / h < 1.35);
        areas += w * h / (500 * 375);
        left += window.width < 500 ? static_cast<double>(window.left) / (500 - w) : 0.5;
    }
    CHECK(left / crop_draws == Approx(0.5).margin(0.04));
    CHECK(areas / crop_draws == Approx(0.430).margin(0.02)); // torchvision: the mean of 3000 crops
}

TEST_CASE("photos too long for the aspect limits are cropped in the middle") {
    random_stream random(3, 0);
    random_resized_crop whole_only{1, 1, 0.75, 4.0 / 3};
    CHECK(draw(whole_only, {400, 100}, random) == crop_window{133, 0, 133, 100});
    CHECK(draw(whole_only, {100, 400}, random) == crop_window{0, 133, 100, 133});
    CHECK(draw(whole_only, {120, 100}, random) == crop_window{0, 0, 120, 100});
    CHECK(draw(whole_only, {1000, 1}, random).height == 1);
}

TEST_CASE("erasing: one rectangle of the value, within its limits") {
    std::size_t erased = 0;
    const image white = [] {
        image photo(40, 40);
        std::fill(photo.pixels.begin(), photo.pixels.end(), std::uint8_t{255});
        return photo;
    }();
    classification_augmentation augmentation;
    augmentation.erasing = random_erasing{};
    augmentation.erasing->value = -9;
    for (std::uint64_t stream = 0; stream < 400; ++stream) {
        const std::vector<float> out = augmented_photo(augmentation, small_classifier(), white, stream);
        std::size_t count = 0, first_x = side_x, first_y = side_y, last_x = 0, last_y = 0;
        for (std::size_t y = 0; y < side_y; ++y)
            for (std::size_t x = 0; x < side_x; ++x)
                if (out[3 * (y * side_x + x)] == -9.0F) {
                    ++count;
                    first_x = std::min(first_x, x);
                    first_y = std::min(first_y, y);
                    last_x = std::max(last_x, x);
                    last_y = std::max(last_y, y);
                }
        if (count == 0)
            continue;
        ++erased;
        REQUIRE(count == (last_x - first_x + 1) * (last_y - first_y + 1));
        REQUIRE(count < side_x * side_y / 2);
    }
    CHECK(erased > 150);
    CHECK(erased < 250);
}

TEST_CASE("the same stream gives the same image") {
    classification_augmentation augmentation = classification_training_augmentation(0.5, 0.5);
    augmentation.color = color_jitter{{0.6F, 1.4F}, {0.6F, 1.4F}, {0.6F, 1.4F}, {-0.1F, 0.1F}};
    const image photo = windows_scene();
    const auto first = augmented_photo(augmentation, small_classifier(), photo, 5);
    CHECK(first == augmented_photo(augmentation, small_classifier(), photo, 5));
    CHECK(first != augmented_photo(augmentation, small_classifier(), photo, 6));
}

TEST_CASE("presets and photos that do not fit are errors") {
    const image photo = windows_scene();
    CHECK_THROWS_AS(augmented_photo({}, letterbox_preset(16, 16), photo), input_error);
    CHECK_THROWS_AS(augmented_photo({}, small_classifier(interpolation_mode::nearest), photo), input_error);
    CHECK_THROWS_AS(augmented_photo({}, small_classifier(), image_view()), input_error);
}
