// The front door of the weight readers: choice by content, prefixes, and the real files where they are at
// hand.
#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>

#include <fovea/io/weights.hpp>

#include "hostile_bytes.hpp"

namespace {

namespace fs = std::filesystem;

const fs::path shared_weights = fs::path(FOVEA_SHARED_DIR) / "data/weights";

std::string shape_of(const fovea::tensor& entry) {
    std::string text;
    for (std::size_t extent : entry.shape)
        text += (text.empty() ? "" : "x") + std::to_string(extent);
    return text.empty() ? "scalar" : text;
}

} // namespace

TEST_CASE("the content decides how a file is read, not its name") {
    for (const char* name : {"small.pth", "small_legacy.pth", "expected_small.safetensors"}) {
        CAPTURE(name);
        const fovea::state_dict weights = fovea::read_weights(test::data_bytes(name), "anything");
        CHECK(weights.size() == 7);
        CHECK(weights.at("1.weight").values == std::vector<float>{20, 21, 22});
        CHECK(fovea::read_weights(test::data_path(name)).size() == 7);
    }
}

TEST_CASE("prefixes are cut off by themselves or as asked") {
    CHECK(fovea::read_weights(test::data_path("data_parallel.pth")).contains("0.weight"));
    CHECK(fovea::read_pth(test::data_path("data_parallel.pth")).contains("module.0.weight"));
    CHECK(fovea::read_weights(test::data_path("small.pth"), {"", "0."}).size() == 2);
    CHECK(fovea::read_weights(test::data_path("small.pth"), {"", "0."}).contains("bias"));
    CHECK(fovea::read_weights(test::data_path("training.pth"), {"model_ema", ""}).at("0.weight").values[1] ==
          1.5f);
    CHECK_THAT(test::error_of([] {
                   fovea::read_weights(test::data_path("small.pth"), {"", "net."});
               }),
               Catch::Contains("'net.'"));
}

TEST_CASE("what is no weights file is refused by name") {
    CHECK_THROWS_AS(fovea::read_weights(test::data_path("missing.pth")), fovea::io_error);
    CHECK_THROWS_AS(fovea::read_weights(test::data_path("")), fovea::io_error);
    CHECK_THROWS_AS(fovea::read_weights(fovea::byte_span(), "empty"), fovea::format_error);
    CHECK_THAT(test::error_of([] { fovea::read_weights(test::data_path("c_f4.npy")); }),
               Catch::StartsWith(test::data_path("c_f4.npy")));
    CHECK_THAT(test::error_of([] { fovea::read_weights(test::as_bytes("<html>not found</html>"), "x.pth"); }),
               Catch::StartsWith("x.pth"));
}

// tests/data/io/real_weights.txt: file, key, dtype, shape, sum and last value, computed by torch.
TEST_CASE("real weights have the values that torch reads") {
    if (!fs::exists(shared_weights))
        return;
    std::ifstream table(test::data_path("real_weights.txt"));
    std::string file, key, type, shape, loaded;
    double sum = 0;
    float last = 0;
    std::size_t lines = 0;
    fovea::state_dict weights;
    while (table >> file >> key >> type >> shape >> sum >> last) {
        if (file != loaded)
            weights = fovea::read_weights(shared_weights / (loaded = file));
        CAPTURE(file, key);
        const fovea::tensor& entry = weights.at(key);
        CHECK(dtype_name(entry.type) == type);
        CHECK(shape_of(entry) == shape);
        double found = 0, magnitude = 0;
        for (float value : entry.values) {
            found += value;
            magnitude += std::abs(value);
        }
        CHECK(std::abs(found - sum) <= 1e-7 * magnitude);
        CHECK(std::abs(entry.values.back() - last) <= 1.2e-7 * std::abs(last));
        ++lines;
    }
    CHECK(lines > 40);
}

TEST_CASE("the real features are the same in both formats, bit for bit") {
    const fs::path folder = shared_weights / "mobilenet_v3_small_features";
    if (!fs::exists(folder))
        return;
    const fovea::state_dict torch = fovea::read_weights(folder / "mobilenetv3_embed.pt");
    const fovea::state_dict other =
        fovea::read_weights(folder / "mobilenet_v3_small_imagenet1k_v1_features.safetensors");
    REQUIRE(torch.size() == 240);
    for (const fovea::tensor& entry : torch) {
        CAPTURE(entry.name);
        const fovea::tensor* same = other.find("features" + entry.name.substr(1));
        if (!same)
            continue;
        if (entry.type != fovea::dtype::int64) // this file gives the counters an axis
            CHECK(same->shape == entry.shape);
        CHECK(same->values == entry.values);
    }
    CHECK(other.contains("features.0.0.weight"));
}

TEST_CASE("the real int8 weights are the dequantised ones") {
    const fs::path folder = shared_weights / "ssdlite320_coco";
    if (!fs::exists(folder))
        return;
    const fovea::state_dict quantized =
        fovea::read_weights(folder / "ssdlite320_mobilenet_v3_large_coco_int8_fbgemm.pth");
    const fovea::state_dict real =
        fovea::read_weights(folder / "ssdlite320_mobilenet_v3_large_coco_dequant.safetensors");
    CHECK(quantized.size() == 438);
    CHECK(real.size() == 476);
    std::size_t compared = 0;
    for (const fovea::tensor& entry : quantized) {
        const fovea::tensor* same = real.find(entry.name);
        if (entry.type != fovea::dtype::qint8 || !same)
            continue;
        CAPTURE(entry.name);
        CHECK(same->shape == entry.shape);
        CHECK(same->values == entry.values);
        ++compared;
    }
    CHECK(compared == 98);
}
