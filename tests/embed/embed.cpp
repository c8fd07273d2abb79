// A weights file inside the binary, by way of cmake/fovea_embed.cmake.
#include <catch2/catch.hpp>

#include <cstring>

#include <fovea/io/file.hpp>
#include <fovea/io/weights.hpp>

#include "embedded_small.hpp"

TEST_CASE("an embedded file has the bytes of the file") {
    const fovea::file_bytes file = fovea::read_file(FOVEA_TEST_DATA "/io/small.pth");
    REQUIRE(embedded_small().size() == file.size());
    CHECK(std::memcmp(embedded_small().data(), file.data(), file.size()) == 0);
}

TEST_CASE("embedded weights load without a file") {
    const fovea::state_dict weights = fovea::read_weights(embedded_small(), "embedded_small");
    CHECK(weights.size() == 7);
    CHECK(weights.at("0.weight").shape == std::vector<std::size_t>{3, 2, 1, 1});
    CHECK(weights.at("0.bias").values == std::vector<float>{10, 11, 12});
}
