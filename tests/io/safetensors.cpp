// safetensors files: types, strictness of the header, metadata, and hostile files.
#include <catch2/catch.hpp>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <fovea/io/safetensors.hpp>

#include "hostile_bytes.hpp"

namespace {

test::bytes file_of(const std::string& json, const std::string& data) {
    std::string text;
    fovea::detail::append_element(text, std::uint64_t{json.size()});
    return test::as_bytes(text + json + data);
}

fovea::state_dict read(const std::string& json, const std::string& data) {
    return fovea::read_safetensors(file_of(json, data), "x.safetensors");
}

std::string refusal(const std::string& json, const std::string& data) {
    return test::error_of([&] { read(json, data); });
}

// {"a": ...} of one tensor
std::string header(const std::string& type, const std::string& shape, const std::string& offsets) {
    return R"({"a":{"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}}";
}

} // namespace

TEST_CASE("every element type of safetensors is read") {
    const auto values = [](const char* type, const std::string& shape, const std::string& data) {
        const auto weights = read(header(type, shape, "[0," + std::to_string(data.size()) + "]"), data);
        return weights.at("a").values;
    };
    using floats = std::vector<float>;
    using namespace std::string_literals;
    CHECK(values("F32", "[1]", "\0\0\xc0\x3f"s) == floats{1.5f});
    CHECK(values("F64", "[]", "\0\0\0\0\0\0\xf8\xbf"s) == floats{-1.5f});
    CHECK(values("F16", "[2]", "\x00\x3c\x00\xc0"s) == floats{1, -2});
    CHECK(values("BF16", "[1,1]", "\xc0\x3f"s) == floats{1.5f});
    CHECK(values("U8", "[2]", "\x01\xff"s) == floats{1, 255});
    CHECK(values("I8", "[2]", "\x01\xff"s) == floats{1, -1});
    CHECK(values("U16", "[1]", "\xff\xff"s) == floats{65535});
    CHECK(values("I16", "[1]", "\xfe\xff"s) == floats{-2});
    CHECK(values("U32", "[1]", "\0\0\0\x80"s) == floats{2147483648.0f});
    CHECK(values("I32", "[1]", "\0\0\0\x80"s) == floats{-2147483648.0f});
    CHECK(values("U64", "[1]", "\x02\0\0\0\0\0\0\0"s) == floats{2});
    CHECK(values("I64", "[1]", "\xfd\xff\xff\xff\xff\xff\xff\xff"s) == floats{-3});
    CHECK(values("BOOL", "[3]", "\0\x01\x02"s) == floats{0, 1, 1});
    CHECK(values("F32", "[0,3]", "") == floats{});
}

TEST_CASE("JSON of the header is read with its escapes, blanks and metadata") {
    const std::string json =
        "{ \"__metadata__\" : {\"format\":\"pt\",\"x\":\"\"} ,\n"
        R"("\u00e4\"\\\/\n\ud83d\ude00" : { "data_offsets":[0,1], "shape":[], "dtype":"U8" } }   )";
    const fovea::state_dict weights = read(json, "\x05");
    REQUIRE(weights.size() == 1);
    CHECK(weights.begin()->name == "\xc3\xa4\"\\/\n\xf0\x9f\x98\x80");
    CHECK(weights.begin()->type == fovea::dtype::uint8);
    CHECK(read("{}", "").empty());
}

TEST_CASE("metadata are strings by key") {
    const auto metadata = [](const std::string& json) {
        return fovea::read_safetensors_file(file_of(json, ""), "x.safetensors").metadata;
    };
    const std::map<std::string, std::string> expected{{"", "none"}, {"a\"b", "1\n2"}};
    CHECK(metadata(R"({"__metadata__":{"a\"b":"1\n2","":"none"}})") == expected);
    CHECK(metadata(R"({"__metadata__":{}})").empty());
    CHECK(metadata("{}").empty());
    CHECK_THAT(refusal(R"({"__metadata__":{"a":"1","a":"2"}})", ""), Catch::Contains("'a' twice"));
}

TEST_CASE("tensors come in the order of the header, wherever their data lie") {
    const fovea::state_dict weights = read(R"({"b":{"dtype":"U8","shape":[2],"data_offsets":[1,3]},)"
                                           R"("a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}})",
                                           "\x01\x02\x03");
    CHECK(weights.begin()->name == "b");
    CHECK(weights.at("b").values == std::vector<float>{2, 3});
}

TEST_CASE("headers that break the format are refused") {
    const std::string good = header("F32", "[2]", "[0,8]"), data(8, '\0');
    CHECK(refusal(good, data).empty());
    CHECK_THAT(refusal(header("F32", "[3]", "[0,8]"), data),
               Catch::Contains("'a'") && Catch::Contains("[3]"));
    for (const std::string& json :
         {header("F32", "[2]", "[0,9]"),
          header("F32", "[2]", "[1,9]"),
          header("F32", "[2]", "[8,0]"),
          header("F32", "[1]", "[0,4]"),
          header("F32", "[2]", "[0]"),
          header("F32", "[2]", "[0,8,8]"),
          header("F32", "[-2]", "[0,8]"),
          header("F32", "[2.0]", "[0,8]"),
          header("F32", "[02]", "[0,8]"),
          header("F32", "[4611686018427387904,2]", "[0,8]"),
          header("F32", "[9223372036854775807,0]", "[0,8]"),
          header("F32", "[18446744073709551616]", "[0,8]"),
          header("F32", "2", "[0,8]"),
          header("F8_E4M3", "[8]", "[0,8]"),
          header("f32", "[2]", "[0,8]"),
          good + "x",
          good + good,
          std::string("{\"a\":{}}"),
          std::string("[]"),
          std::string(),
          std::string("{"),
          " " + good,
          good.substr(0, good.size() - 1),
          good.substr(0, good.size() - 1) + ",}",
          R"({"a\x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})" + std::string(),
          std::string(R"({"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
          std::string(R"({"\u12g4":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
          std::string("{\"a\n\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}"),
          std::string(R"({"__metadata__":{"a":1},)") + good.substr(1)}) {
        CAPTURE(json);
        CHECK_THAT(refusal(json, data), Catch::StartsWith("x.safetensors"));
    }
}

TEST_CASE("doubled, overlapping and uncovered data are refused") {
    const auto two = [](const char* second, int begin, int end) {
        return R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},")" + std::string(second) +
               R"(":{"dtype":"U8","shape":[2],"data_offsets":[)" + std::to_string(begin) + "," +
               std::to_string(end) + "]}}";
    };
    CHECK(refusal(two("b", 2, 4), "1234").empty());
    CHECK_THAT(refusal(two("a", 2, 4), "1234"), Catch::Contains("twice"));
    CHECK_FALSE(refusal(two("b", 1, 3), "123").empty());
    CHECK_FALSE(refusal(two("b", 0, 2), "12").empty());
    CHECK_FALSE(refusal(two("b", 3, 5), "12345").empty());
    CHECK_FALSE(refusal(two("b", 2, 4), "12345").empty());
}

TEST_CASE("a header length is checked before it is believed") {
    for (const std::uint64_t length :
         {std::uint64_t{9}, std::uint64_t{100'000'001}, UINT64_MAX, std::uint64_t{0}}) {
        std::string text;
        fovea::detail::append_element(text, length);
        CHECK_THROWS_AS(fovea::read_safetensors(test::as_bytes(text + "{}"), "x"), fovea::format_error);
    }
}

TEST_CASE("hostile safetensors files give errors") {
    const auto parse = [](const test::bytes& file) { fovea::read_safetensors(file, "x.safetensors"); };
    const test::bytes file = test::data_bytes("expected_small.safetensors");
    test::refuses_every_truncation(file, parse);
    CHECK(test::survives_every_change(file, parse) > 1000);
}
