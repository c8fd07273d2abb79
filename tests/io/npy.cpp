// .npy files of every type, order and version that numpy writes, and hostile ones.
#include <catch2/catch.hpp>

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/npy.hpp>

#include "hostile_bytes.hpp"

namespace {

std::string header_of(std::string literal, const char* version = "\x01") {
    std::string text = std::string("\x93NUMPY") + version + '\0';
    text += static_cast<char>(literal.size() & 0xff);
    text += static_cast<char>(literal.size() >> 8);
    return text + literal;
}

std::string refusal(const std::string& literal, std::size_t data_size) {
    const test::bytes file = test::as_bytes(header_of(literal) + std::string(data_size, '\0'));
    return test::error_of([&] { fovea::read_npy(file, "x.npy"); });
}

template <class T>
fovea::npy_array round_trip(const std::vector<T>& values, const std::vector<std::size_t>& shape) {
    const auto path = std::filesystem::temp_directory_path() / "fovea_npy_test.npy";
    fovea::write_npy(path, values, shape);
    fovea::npy_array array = fovea::read_npy(path);
    std::filesystem::remove(path);
    return array;
}

} // namespace

// The arrays hold (0 .. 23) * 1.5 - 3 in shape 2 x 3 x 4, cast to their type; unsigned ones its magnitude.
TEST_CASE("every type that numpy writes is read") {
    for (const std::string type : {"f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8"}) {
        CAPTURE(type);
        const fovea::npy_array array = fovea::read_npy(test::data_path("c_" + type + ".npy"));
        REQUIRE(array.shape == std::vector<std::size_t>{2, 3, 4});
        const std::vector<double> values = array.values<double>();
        for (std::size_t i = 0; i < 24; ++i) {
            double expected = static_cast<double>(i) * 1.5 - 3;
            if (type[0] == 'u')
                expected = std::abs(expected);
            REQUIRE(values[i] == (type[0] == 'f' ? expected : std::trunc(expected)));
        }
    }
    CHECK(fovea::read_npy(test::data_path("c_b1.npy")).values<int>()[4] == 0);
    CHECK(fovea::read_npy(test::data_path("c_b1.npy")).values<int>()[5] == 1);
}

TEST_CASE("Fortran order becomes C order") {
    CHECK(fovea::read_npy(test::data_path("fortran_f4.npy")).bytes ==
          fovea::read_npy(test::data_path("c_f4.npy")).bytes);
    CHECK(fovea::read_npy(test::data_path("fortran_i2.npy")).bytes ==
          fovea::read_npy(test::data_path("c_i2.npy")).bytes);
}

TEST_CASE("versions 2 and 3, scalars and empty arrays") {
    const auto expected = fovea::read_npy(test::data_path("c_f4.npy")).values<float>();
    CHECK(fovea::read_npy(test::data_path("version2.npy")).values<float>() == expected);
    CHECK(fovea::read_npy(test::data_path("version3.npy")).values<float>() == expected);
    const fovea::npy_array scalar = fovea::read_npy(test::data_path("scalar_f8.npy"));
    CHECK(scalar.shape.empty());
    CHECK(scalar.values<double>() == std::vector<double>{2.5});
    const fovea::npy_array empty = fovea::read_npy(test::data_path("empty_f4.npy"));
    CHECK(empty.shape == std::vector<std::size_t>{0, 7});
    CHECK(empty.values<float>().empty());
}

TEST_CASE("floating-point elements are not cut to integers") {
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("c_f4.npy")).values<int>(), fovea::input_error);
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("c_f2.npy")).values<int>(), fovea::input_error);
}

TEST_CASE("what is written is read back") {
    const auto floats = round_trip(std::vector<float>{1.5f, -2, 3, 4, 5, 6}, {2, 3});
    CHECK(floats.type == fovea::dtype::float32);
    CHECK(floats.shape == std::vector<std::size_t>{2, 3});
    CHECK(floats.values<float>() == std::vector<float>{1.5f, -2, 3, 4, 5, 6});
    const std::vector<std::int64_t> large{INT64_MIN, 0, INT64_MAX};
    CHECK(round_trip(large, {3}).values<std::int64_t>() == large);
    CHECK(round_trip(std::vector<std::uint8_t>{0, 255}, {1, 2, 1}).values<int>() == std::vector<int>{0, 255});
    CHECK(round_trip(std::vector<double>{2.25}, {}).shape.empty());
    CHECK_THROWS_AS(round_trip(std::vector<float>{1, 2}, {3}), fovea::input_error);
}

TEST_CASE("arrays of other kinds are refused") {
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("big_endian.npy")), fovea::format_error);
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("complex.npy")), fovea::format_error);
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("record.npy")), fovea::format_error);
    CHECK_THROWS_AS(fovea::read_npy(test::data_path("small.pth")), fovea::format_error);
}

TEST_CASE("headers are read strictly") {
    const auto literal = [](const std::string& shape) {
        return "{'descr': '<f4', 'fortran_order': False, 'shape': " + shape + "}\n";
    };
    CHECK(refusal(literal("(2,)"), 8).empty());
    CHECK(refusal("{\"shape\": (2L, 1L), \"fortran_order\": True, \"descr\": \"<f4\", }", 8).empty());
    for (const std::string shape :
         {"(2)", "2", "(-2,)", "(2.0,)", "(02,)", "(2,,)", "(,)", "[2]", "(9223372036854775808,)",
          "(4611686018427387904, 2)", "(4294967296, 4294967296)", "(0, 4611686018427387904, 4)", "(3,)",
          "(1,)"}) {
        CAPTURE(shape);
        CHECK_THAT(refusal(literal(shape), 8), Catch::StartsWith("x.npy"));
    }
    CHECK_FALSE(refusal("{'descr': '<f4', 'fortran_order': False}", 4).empty());
    CHECK_FALSE(refusal("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': ()}", 4).empty());
    CHECK_FALSE(refusal("{'descr': '|f4', 'fortran_order': False, 'shape': ()}", 4).empty());
    CHECK_FALSE(refusal("{'descr': '<f4', 'fortran_order': Maybe, 'shape': ()}", 4).empty());
    CHECK_FALSE(refusal("{'descr': '<f4', 'fortran_order': False, 'shape': ()} x", 4).empty());
    CHECK_FALSE(refusal("{'descr': '<f4', 'fortran_order': False 'shape': ()}", 4).empty());
}

TEST_CASE("hostile .npy files give errors") {
    const auto read = [](const test::bytes& file) { fovea::read_npy(file, "x.npy"); };
    for (const char* name : {"c_f4.npy", "fortran_i2.npy", "version3.npy"}) {
        CAPTURE(name);
        const test::bytes file = test::data_bytes(name);
        test::refuses_every_truncation(file, read);
        CHECK(test::survives_every_change(file, read) > 100);
    }
}
