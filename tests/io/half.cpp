// Conversions of 16-bit floats against numpy's and torch's (tests/data/make_weights.py, floats16).
#include <catch2/catch.hpp>

#include <cmath>
#include <cstdint>
#include <limits>

#include <fovea/io/half.hpp>
#include <fovea/io/npy.hpp>

#include "hostile_bytes.hpp"

TEST_CASE("floats round to float16 and bfloat16 as in numpy and torch") {
    const auto table = fovea::read_npy(test::data_path("roundings.npy"));
    REQUIRE(table.shape.at(1) == 3);
    const auto rows = table.values<std::uint32_t>();
    std::size_t halves_off = 0, bfloats_off = 0;
    for (std::size_t i = 0; i < rows.size(); i += 3) {
        const float value = fovea::detail::float_from_bits(rows[i]);
        halves_off += fovea::float_to_half(value) != rows[i + 1];
        if (!std::isnan(value))
            bfloats_off += fovea::float_to_bfloat16(value) != rows[i + 2];
    }
    CHECK(rows.size() / 3 > 800);
    CHECK(halves_off == 0);
    CHECK(bfloats_off == 0);
}

TEST_CASE("all 16-bit floats survive a round trip") {
    std::size_t off = 0;
    for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
        const auto stored = static_cast<std::uint16_t>(bits);
        const float half = fovea::half_to_float(stored), bfloat = fovea::bfloat16_to_float(stored);
        off += std::isnan(half) ? !std::isnan(fovea::half_to_float(fovea::float_to_half(half)))
                                : fovea::float_to_half(half) != stored;
        off += std::isnan(bfloat) ? !std::isnan(fovea::bfloat16_to_float(fovea::float_to_bfloat16(bfloat)))
                                  : fovea::float_to_bfloat16(bfloat) != stored;
    }
    CHECK(off == 0);
}

TEST_CASE("particular 16-bit floats") {
    CHECK(fovea::half_to_float(0x3c00) == 1.0f);
    CHECK(fovea::half_to_float(0x0001) == 0x1p-24f);
    CHECK(fovea::half_to_float(0x83ff) == -0x1.ff8p-15f);
    CHECK(fovea::half_to_float(0x7bff) == 65504.0f);
    CHECK(fovea::half_to_float(0xfc00) == -std::numeric_limits<float>::infinity());
    CHECK(std::signbit(fovea::half_to_float(0x8000)));
    CHECK(fovea::bfloat16_to_float(0x4049) == 3.140625f);
    CHECK(std::isnan(
        fovea::bfloat16_to_float(fovea::float_to_bfloat16(fovea::detail::float_from_bits(0x7f800001)))));
}
