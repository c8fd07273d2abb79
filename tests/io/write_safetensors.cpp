// Written safetensors: exact, in the types and the order asked for, with metadata, or not at all.
#include "support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include <fovea/io/pth.hpp>
#include <fovea/io/safetensors.hpp>

#include "hostile_bytes.hpp"

TEST_CASE("what is written as float32 is read back exactly") {
    const fovea::state_dict weights = fovea::read_pth(test::data_path("zip_protocol2.pth"));
    const fovea::test::temporary_folder folder;
    const auto path = folder / "w.safetensors";
    fovea::write_safetensors(path, weights);
    const fovea::state_dict again = fovea::read_safetensors(path);
    REQUIRE(again.size() == weights.size());
    auto written = weights.begin();
    for (const fovea::tensor& entry : again) {
        CAPTURE(entry.name);
        CHECK(entry.name == written->name);
        CHECK(entry.shape == written->shape);
        CHECK(entry.values == written->values);
        CHECK(entry.type == (is_floating_point(written->type) ? fovea::dtype::float32 : written->type));
        ++written;
    }
}

TEST_CASE("float16 files are half as large and rounded to nearest") {
    fovea::state_dict weights;
    weights.insert({"a\n\"b\"", fovea::dtype::float32, {2}, {1.0f / 3, -65504}});
    weights.insert({"counter", fovea::dtype::int64, {}, {70000}});
    const fovea::test::temporary_folder folder;
    const auto path = folder / "w.safetensors";
    fovea::write_safetensors(path, weights, fovea::dtype::float16);
    const fovea::state_dict again = fovea::read_safetensors(path);
    CHECK(again.at("a\n\"b\"").type == fovea::dtype::float16);
    CHECK(again.at("a\n\"b\"").values == std::vector<float>{0x1.554p-2f, -65504});
    CHECK(again.at("counter").type == fovea::dtype::int64);
    CHECK(again.at("counter").values == std::vector<float>{70000});
}

TEST_CASE("nothing is written of weights that do not fit the format") {
    const fovea::test::temporary_folder folder;
    const auto path = folder / "w.safetensors";
    fovea::state_dict large;
    large.insert({"big", fovea::dtype::float32, {1}, {65520}});
    CHECK_THAT(test::error_of([&] { fovea::write_safetensors(path, large, fovea::dtype::float16); }),
               Catch::Contains("'big'"));
    CHECK_FALSE(std::filesystem::exists(path));
    CHECK_THROWS_AS(fovea::write_safetensors(path, large, fovea::dtype::int8), fovea::input_error);
    fovea::state_dict reserved;
    reserved.insert({"__metadata__", fovea::dtype::float32, {1}, {1}});
    CHECK_THROWS_AS(fovea::write_safetensors(path, reserved), fovea::input_error);
    CHECK_FALSE(std::filesystem::exists(path));
}

TEST_CASE("metadata are written beside the format's own") {
    const fovea::test::temporary_folder folder;
    const auto path = folder / "w.safetensors";
    fovea::state_dict weights;
    weights.insert({"a", fovea::dtype::float32, {1}, {1}});
    const auto written = [&](const std::map<std::string, std::string>& metadata) {
        fovea::write_safetensors(path, weights, fovea::dtype::float32, metadata);
        const fovea::file_bytes bytes = fovea::read_file(path);
        return fovea::read_safetensors_file(fovea::byte_span(bytes), "w").metadata;
    };
    using strings = std::map<std::string, std::string>;
    CHECK(written({}) == strings{{"format", "pt"}});
    CHECK(written({{"card", "trained on \"cells\"\n\\"}, {"", ""}}) ==
          strings{{"format", "pt"}, {"card", "trained on \"cells\"\n\\"}, {"", ""}});
    CHECK(written({{"format", "np"}}) == strings{{"format", "np"}});
}

TEST_CASE("wide elements lie first, so that all are aligned; the order of tensors stays") {
    fovea::state_dict weights;
    weights.insert({"flag", fovea::dtype::boolean, {3}, {1, 0, 1}});
    weights.insert({"weight", fovea::dtype::float32, {3}, {0.5f, 1, 2}});
    weights.insert({"counter", fovea::dtype::int64, {}, {7}});
    weights.insert({"bias", fovea::dtype::float32, {1}, {-1}});
    weights.insert({"none", fovea::dtype::float32, {0, 2}, {}});
    const fovea::test::temporary_folder folder;
    const auto path = folder / "w.safetensors";
    fovea::write_safetensors(path, weights, fovea::dtype::float16);
    const fovea::file_bytes bytes = fovea::read_file(path);
    const std::string text(bytes.data(), bytes.data() + bytes.size());
    CHECK_THAT(text, Catch::Contains(R"("flag":{"dtype":"BOOL","shape":[3],"data_offsets":[16,19]})"));
    CHECK_THAT(text, Catch::Contains(R"("weight":{"dtype":"F16","shape":[3],"data_offsets":[8,14]})"));
    CHECK_THAT(text, Catch::Contains(R"("counter":{"dtype":"I64","shape":[],"data_offsets":[0,8]})"));
    CHECK_THAT(text, Catch::Contains(R"("bias":{"dtype":"F16","shape":[1],"data_offsets":[14,16]})"));
    CHECK(text.substr(text.size() - 3) == std::string("\1\0\1", 3));
    CHECK((text.size() - 19) % 8 == 0); // where the data begin
    auto written = weights.begin();
    for (const fovea::tensor& entry : fovea::read_safetensors(path)) {
        CHECK(entry.name == written->name);
        CHECK(entry.shape == written->shape);
        CHECK(entry.values == written->values);
        ++written;
    }
}

TEST_CASE("float16 rounds to even and keeps infinities, NaN and signed zeros") {
    const float infinity = std::numeric_limits<float>::infinity();
    fovea::state_dict weights;
    weights.insert({"a", fovea::dtype::float32, {5}, {2049, 2051, -infinity, -0.0f, std::nanf("")}});
    const fovea::test::temporary_folder folder;
    fovea::write_safetensors(folder / "w", weights, fovea::dtype::float16);
    const std::vector<float> read = fovea::read_safetensors(folder / "w").at("a").values;
    CHECK(read[0] == 2048);
    CHECK(read[1] == 2052);
    CHECK(read[2] == -infinity);
    CHECK((read[3] == 0 && std::signbit(read[3])));
    CHECK(std::isnan(read[4]));
}
