#include <fovea/preprocess/geometry.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <fstream>
#include <string>

using fovea::image_size;
using fovea::output_size;
using fovea::placement_of;
using fovea::preset;

namespace {

preset middle(std::size_t crop, std::size_t shorter) {
    return fovea::classification_preset(crop, shorter);
}

} // namespace

TEST_CASE("sizes, crops and boxes agree with torchvision") {
    std::ifstream lines(FOVEA_TEST_DATA "/preprocess/sizes.txt");
    std::string rule;
    image_size photo;
    std::size_t count = 0;
    while (lines >> rule >> photo.width >> photo.height) {
        INFO(rule << " " << photo.width << "x" << photo.height);
        ++count;
        std::size_t a = 0, b = 0;
        image_size resized;
        lines >> a >> b >> resized.width >> resized.height;
        if (rule == "shorter") {
            std::ptrdiff_t begin = 0;
            lines >> begin;
            CHECK(output_size(fovea::segmentation_preset(a), photo) == resized);
            CHECK(output_size(middle(b, a), photo) == image_size{b, b});
            CHECK(placement_of(middle(b, a), photo).offset_y == static_cast<float>(-begin));
        } else if (rule == "one_scale") {
            float ratio = 0;
            lines >> ratio;
            for (const preset& p : {fovea::effdet_preset(a, b), fovea::automl_letterbox_preset(a, b)}) {
                CHECK(output_size(p, photo) == image_size{a, b});
                const auto where = placement_of(p, photo);
                CHECK(where.content == resized);
                CHECK((where.ratio_x == ratio && where.ratio_y == ratio));
            }
        } else {
            image_size batch;
            std::array<float, 4> box{};
            lines >> batch.width >> batch.height >> box[0] >> box[1] >> box[2] >> box[3];
            const preset p = fovea::bounded_preset(a, b);
            CHECK(output_size(p, photo) == batch);
            const auto where = placement_of(p, photo);
            CHECK(where.content == resized);
            CHECK(where.to_photo({10.0F, 20.0F, 30.0F, 50.0F}) == box);
        }
    }
    CHECK(count > 100);
}

TEST_CASE("boxes of targets map into the network's input as in the shared golden") {
    const auto golden = fovea::test::shared_golden("components", "transform_resize");
    if (!golden)
        return;
    const preset p = fovea::bounded_preset(64, 100);
    const auto mapped = [&](image_size photo, std::array<float, 4> box) {
        const auto out = placement_of(p, photo).to_network(box);
        return fovea::test::array{{1, 4}, std::vector<float>(out.begin(), out.end())};
    };
    CHECK(compare(golden->output("boxes_a"), mapped({90, 60}, {3, 4, 50, 40})));
    CHECK(compare(golden->output("boxes_b"), mapped({48, 75}, {1, 2, 30, 70})));
    const image_size a = placement_of(p, {90, 60}).content, b = placement_of(p, {48, 75}).content;
    CHECK(compare(
        golden->output("sizes"),
        {{2, 2}, std::vector<double>{double(a.height), double(a.width), double(b.height), double(b.width)}}));
}

TEST_CASE("to_network undoes to_photo") {
    const preset presets[] = {fovea::stretch_preset(32, 48, {}, {1, 1, 1}),
                              fovea::letterbox_preset(64, 64),
                              fovea::effdet_preset(64, 64),
                              fovea::bounded_preset(40, 90),
                              middle(32, 40),
                              middle(50, 40)};
    for (const preset& p : presets) {
        const auto where = placement_of(p, {123, 77});
        const std::array<float, 4> box{3.0F, 5.0F, 20.0F, 17.0F};
        const auto back = where.to_network(where.to_photo(box));
        for (std::size_t i = 0; i < 4; ++i)
            CHECK(back[i] == Approx(box[i]));
    }
}

TEST_CASE("a run of boxes maps like single ones") {
    const auto where = placement_of(middle(32, 40), {123, 77});
    std::vector<float> boxes{1, 2, 3, 4, 9, 8, 17, 16};
    where.to_photo(fovea::span<float>(boxes));
    const auto first = where.to_photo({1, 2, 3, 4}), second = where.to_photo({9, 8, 17, 16});
    CHECK(std::equal(first.begin(), first.end(), boxes.begin()));
    CHECK(std::equal(second.begin(), second.end(), boxes.begin() + 4));
}

TEST_CASE("a letterbox keeps the aspect and fits") {
    const preset p = fovea::letterbox_preset(512, 512);
    CHECK(placement_of(p, {500, 375}).content == image_size{512, 384});
    CHECK(placement_of(p, {640, 427}).content == image_size{512, 341});
    CHECK(placement_of(p, {375, 500}).content == image_size{384, 512});
    CHECK(placement_of(fovea::letterbox_preset(100, 300), {60, 60}).content == image_size{100, 100});
    CHECK(output_size(p, {640, 427}) == image_size{512, 512});
}

TEST_CASE("a side that would vanish stays one pixel wide") {
    CHECK(placement_of(fovea::letterbox_preset(512, 512), {20000, 3}).content == image_size{512, 1});
    CHECK(placement_of(fovea::letterbox_preset(512, 512), {3, 20000}).content == image_size{1, 512});
    // 639 as in torchvision, whose float32 reciprocal of 20000 is a little short.
    CHECK(placement_of(fovea::bounded_preset(320, 640), {20000, 3}).content == image_size{639, 1});
    CHECK(output_size(fovea::bounded_preset(320, 640), {3, 20000}) == image_size{32, 640});
}

TEST_CASE("empty photos and huge inputs are input errors") {
    for (const image_size photo : {image_size{0, 5}, image_size{5, 0}, image_size{std::size_t{1} << 40, 5}})
        for (const preset& p :
             {fovea::letterbox_preset(64, 64), fovea::bounded_preset(64, 128), middle(32, 40),
              fovea::segmentation_preset(40), fovea::stretch_preset(32, 32, {}, {1, 1, 1})}) {
            CHECK_THROWS_AS(output_size(p, photo), fovea::input_error);
            CHECK_THROWS_AS(placement_of(p, photo), fovea::input_error);
        }
    CHECK_THROWS_AS(output_size(fovea::segmentation_preset(520), {1, 20000}), fovea::input_error);
    CHECK(output_size(middle(224, 256), {1, 20000}) == image_size{224, 224});
    CHECK_THROWS_AS(output_size(fovea::segmentation_preset(0), {10, 10}), fovea::input_error);
    CHECK_THROWS_AS(output_size(fovea::letterbox_preset(0, 10), {10, 10}), fovea::input_error);
}
