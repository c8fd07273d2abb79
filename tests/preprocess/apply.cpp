#include <fovea/preprocess/apply.hpp>
#include <fovea/program/thread_executor.hpp>

#include <catch2/catch.hpp>

#include "support/golden.hpp"

#include <string>
#include <vector>

using fovea::image_size;
using fovea::image_view;
using fovea::interpolation_mode;
using fovea::preset;
using fovea::resampler;
using fovea::view;

namespace {

// The network's input of one photo, NCHW as the goldens have it.
fovea::test::array planes(const std::vector<float>& nhwc, std::size_t height, std::size_t width) {
    std::vector<float> out;
    for (std::size_t c = 0; c < 3; ++c)
        for (std::size_t i = c; i < nhwc.size(); i += 3)
            out.push_back(nhwc[i]);
    return {{1, 3, height, width}, out};
}

fovea::test::array transformed(const preset& p, image_view photo, image_size canvas = {}) {
    if (canvas.width == 0)
        canvas = output_size(p, photo.size());
    std::vector<float> out(3 * canvas.width * canvas.height, -77.0F);
    fovea::preprocess_workspace workspace;
    fovea::apply(p, photo, view<float, 3>(out.data(), {canvas.height, canvas.width, 3}), workspace);
    return planes(out, canvas.height, canvas.width);
}

struct sized_scene {
    std::string name;
    std::size_t height, width;
    std::vector<std::uint8_t> pixels;

    sized_scene(std::string n, std::size_t h, std::size_t w)
        : name(std::move(n)), height(h), width(w), pixels(fovea::test::scene(name, h, w)) {}
    image_view view() const { return {pixels.data(), width, height}; }
};

// PHOTOS of make_preprocess.py.
std::vector<sized_scene> photos() {
    return {{"wide", 60, 97}, {"tall", 83, 40}, {"tiny", 5, 4}, {"long", 6, 150}, {"odd", 101, 99}};
}

preset half_stretch(std::size_t height, std::size_t width) {
    return fovea::stretch_preset(height, width, {0.5F, 0.5F, 0.5F}, {0.5F, 0.5F, 0.5F});
}

} // namespace

TEST_CASE("transforms agree with torchvision") {
    const auto golden = fovea::test::own_golden("preprocess", "transforms");
    for (const auto& photo : photos()) {
        const auto check = [&](const std::string& kind, const preset& p) {
            INFO(kind << " " << photo.name);
            CHECK(compare(golden.output(kind + "_" + photo.name), transformed(p, photo.view())));
        };
        check("stretch", half_stretch(40, 48));
        check("letterbox", fovea::letterbox_preset(64, 64));
        check("padded_fit", fovea::effdet_preset(64, 64));
        check("bounded", fovea::bounded_preset(64, 100));
        for (const auto& [name, mode] : {std::pair("bilinear", interpolation_mode::bilinear),
                                         std::pair("bicubic", interpolation_mode::bicubic)}) {
            const std::string kind = std::string("classify_") + name;
            check(kind + "_pillow", fovea::classification_preset(32, 40, mode));
            check(kind + "_tensor", fovea::classification_preset(32, 40, mode, resampler::tensor));
        }
        check("crop_beyond", fovea::classification_preset(45, 40));
        check("segment_pillow", fovea::segmentation_preset(33));
        check("segment_tensor", fovea::segmentation_preset(33, resampler::tensor));
    }
}

TEST_CASE("a batch shares the largest sides, padded with zeros") {
    const auto golden = fovea::test::own_golden("preprocess", "transforms").output("bounded_batch");
    const preset p = fovea::bounded_preset(64, 100);
    const image_size canvas{golden.shape[3], golden.shape[2]};
    fovea::test::array batch{golden.shape, std::vector<float>()};
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
        const auto one = transformed(p, photos()[i].view(), canvas);
        batch.values.insert(batch.values.end(), one.values.begin(), one.values.end());
    }
    CHECK(compare(golden, batch));
}

TEST_CASE("shared pipelines: scenes") {
    const auto check = [](const std::string& pipeline, const std::string& output, const preset& p) {
        const auto golden = fovea::test::shared_golden("pipelines", pipeline);
        if (!golden)
            return;
        INFO(pipeline << " " << output);
        CHECK(compare(golden->output(output), transformed(p, sized_scene("a", 375, 500).view())));
    };
    const auto cubic = interpolation_mode::bicubic, linear = interpolation_mode::bilinear;
    check("pipe_ssdlite320_scene", "transformed", half_stretch(320, 320));
    check("pipe_mobilenet_v3_large_scene", "transformed_pil", fovea::classification_preset(224, 256));
    check("pipe_mobilenet_v3_large_scene", "transformed",
          fovea::classification_preset(224, 256, linear, resampler::tensor));
    check("pipe_efficientnet_b0_scene", "transformed_pil", fovea::classification_preset(224, 256, cubic));
    check("pipe_efficientnet_b0_scene", "transformed",
          fovea::classification_preset(224, 256, cubic, resampler::tensor));
    check("pipe_lraspp_scene", "transformed", fovea::segmentation_preset(520, resampler::tensor));
    check("pipe_fasterrcnn_320_scene", "transformed", fovea::bounded_preset(320, 640));
    check("pipe_fasterrcnn_scene", "transformed", fovea::bounded_preset(800, 1333));
    check("pipe_efficientdet_d0_scene", "transformed", fovea::letterbox_preset(512, 512));
    constexpr float byte = 1.0F / 255.0F;
    check("pipe_ssd300_scene", "transformed",
          fovea::stretch_preset(300, 300, {0.48235F, 0.45882F, 0.40784F}, {byte, byte, byte}));
    preset dsod = fovea::stretch_preset(300, 300, {104 * byte, 117 * byte, 123 * byte}, {byte, byte, byte});
    dsod.channels = fovea::channel_order::bgr;
    check("pipe_dsod300_scene", "transformed", dsod);
}

TEST_CASE("rows may be apart, and nothing outside them is read") {
    const sized_scene photo("strided", 11, 13);
    std::vector<std::uint8_t> wide(11 * 50);
    for (std::size_t y = 0; y < 11; ++y)
        std::copy_n(photo.pixels.data() + y * 39, 39, wide.data() + y * 50);
    wide.resize(10 * 50 + 39);
    wide.shrink_to_fit(); // a sanitizer sees a read behind the last row
    for (const preset& p :
         {half_stretch(20, 30), fovea::letterbox_preset(16, 16), fovea::classification_preset(8, 9),
          fovea::classification_preset(8, 9, interpolation_mode::bicubic, resampler::tensor)})
        CHECK(transformed(p, {wide.data(), 13, 11, 50}).values == transformed(p, photo.view()).values);
}

TEST_CASE("a sufficient workspace is not touched by smaller photos") {
    const sized_scene large("large", 90, 120), small("small", 30, 50);
    fovea::preprocess_workspace workspace;
    for (const preset& p : {half_stretch(32, 32), fovea::classification_preset(32, 40)}) {
        std::vector<float> out(3 * 32 * 32);
        const view<float, 3> output(out.data(), {32, 32, 3});
        fovea::apply(p, large.view(), output, workspace);
        const auto* rows = workspace.rows.data();
        const auto* bytes = workspace.bytes.data();
        const auto* weights = workspace.weights_x.data();
        fovea::apply(p, small.view(), output, workspace);
        CHECK(workspace.rows.data() == rows);
        CHECK(workspace.bytes.data() == bytes);
        CHECK(workspace.weights_x.data() == weights);
        CHECK(planes(out, 32, 32).values == transformed(p, small.view()).values);
    }
}

TEST_CASE("photos of extreme shapes pass") {
    for (const image_size size :
         {image_size{1, 1}, image_size{20000, 3}, image_size{3, 20000}, image_size{2, 1}}) {
        const std::vector<std::uint8_t> gray(3 * size.width * size.height, 51); // 0.2
        const image_view photo(gray.data(), size.width, size.height);
        INFO(size.width << "x" << size.height);
        for (const preset& p :
             {half_stretch(32, 48), fovea::classification_preset(32, 40),
              fovea::classification_preset(32, 40, interpolation_mode::bicubic, resampler::tensor)}) {
            const auto values = transformed(p, photo).values;
            for (std::size_t c = 0; c < 3; ++c) {
                const double want = (0.2 - double(p.mean[c])) / double(p.std[c]);
                const std::size_t plane = values.size() / 3;
                CHECK(values[c * plane] == Approx(want));
                CHECK(values[(c + 1) * plane - 1] == Approx(want));
            }
        }
        const auto boxed = transformed(fovea::letterbox_preset(64, 64), photo).values;
        CHECK(boxed.front() == Approx((0.2 - 0.485) / 0.229));
        if (size.width != size.height)
            CHECK(boxed.back() == 0.0);
        const auto padded = transformed(fovea::effdet_preset(64, 64), photo).values;
        CHECK(padded.front() == Approx((0.2 - 0.485) / 0.229));
        if (size.width != size.height)
            CHECK(padded.back() == Approx((104 / 255.0 - 0.406) / 0.225));
        CHECK(transformed(fovea::bounded_preset(64, 100), photo).values.front() ==
              Approx((0.2 - 0.485) / 0.229));
    }
}

TEST_CASE("apply refuses what does not fit") {
    const sized_scene photo("refused", 20, 30);
    std::vector<float> out(3 * 64 * 64);
    fovea::preprocess_workspace workspace;
    const auto call = [&](const preset& p, image_view picture, std::array<std::size_t, 3> shape) {
        fovea::apply(p, picture, view<float, 3>(out.data(), shape), workspace);
    };
    const preset p = half_stretch(32, 32);
    CHECK_THROWS_AS(call(p, photo.view(), {32, 31, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(p, photo.view(), {33, 32, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(p, photo.view(), {32, 32, 1}), fovea::input_error);
    CHECK_THROWS_AS(call(p, {}, {32, 32, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(p, {nullptr, 30, 20}, {32, 32, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(p, {photo.pixels.data(), 0, 20}, {32, 32, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(p, {photo.pixels.data(), 30, 20, 89}, {32, 32, 3}), fovea::input_error);
    CHECK_THROWS_AS(call(fovea::bounded_preset(32, 64), photo.view(), {32, 32, 3}), fovea::input_error);
    CHECK_NOTHROW(call(fovea::bounded_preset(32, 64), photo.view(), {64, 64, 3}));
    CHECK_THROWS_AS(
        call(fovea::classification_preset(32, 40, interpolation_mode::nearest), photo.view(), {32, 32, 3}),
        fovea::input_error);
}

TEST_CASE("bytes and their scaling are the normalised input of presets that resize to 8 bits") {
    using namespace fovea;
    preset p = classification_preset(24, 30);
    std::vector<std::uint8_t> pixels(40 * 50 * 3);
    for (std::size_t i = 0; i < pixels.size(); ++i)
        pixels[i] = static_cast<std::uint8_t>(i * i % 253);
    const image_view photo(pixels.data(), 50, 40);
    preprocess_workspace workspace;
    for (const channel_order order : {channel_order::rgb, channel_order::bgr})
        for (const resampler sampler : {resampler::pillow, resampler::tensor})
            for (const std::size_t side : {24U, 36U}) { // 36: larger than the resized photo, black around it
                p.channels = order;
                p.sampler = sampler;
                p.height = p.width = side;
                std::vector<float> floats(side * side * 3);
                std::vector<std::uint8_t> bytes(floats.size());
                apply(p, photo, view<float, 3>(floats.data(), {side, side, 3}), workspace);
                apply(p, photo, view<std::uint8_t, 3>(bytes.data(), {side, side, 3}), workspace);
                const pixel_scaling s = scaling_of(p);
                double largest = 0;
                for (std::size_t i = 0; i < floats.size(); ++i)
                    largest = std::max(largest, std::abs(static_cast<double>(bytes[i] * s.scale[i % 3] +
                                                                             s.shift[i % 3] - floats[i])));
                CHECK(largest < 1e-6);
            }
    const view<std::uint8_t, 3> small(pixels.data(), {8, 8, 3});
    const preset stretched = stretch_preset(8, 8, imagenet_mean, imagenet_std);
    CHECK_THROWS_AS(apply(stretched, photo, small, workspace), input_error);
}

TEST_CASE("Any number of threads resizes to the same numbers") {
    const sized_scene photo("threads", 123, 200), wide("wide", 9, 900);
    for (const sized_scene* scene : {&photo, &wide})
        for (const preset& p : {half_stretch(50, 60), fovea::letterbox_preset(64, 64)}) {
            const auto want = transformed(p, scene->view()).values;
            const image_size size = output_size(p, scene->view().size());
            for (int threads : {1, 2, 3}) {
                fovea::thread_executor executor(threads);
                fovea::preprocess_workspace workspace;
                std::vector<float> out(3 * size.width * size.height);
                fovea::apply(p, scene->view(), view<float, 3>(out.data(), {size.height, size.width, 3}),
                             workspace, executor);
                CHECK(planes(out, size.height, size.width).values == want);
            }
        }
}
