#include <fovea/math/out_size.hpp>

#include <catch2/catch.hpp>

#include <cstddef>

using namespace fovea;

TEST_CASE("out_size follows the convolution formula") {
    STATIC_REQUIRE(out_size(224, 3, 2, 1, 1) == 112);
    STATIC_REQUIRE(out_size(97, 3, 2, 1, 1) == 49);
    STATIC_REQUIRE(out_size(13, 5, 1, 4, 4, 2) == 13);
    STATIC_REQUIRE(out_size(19, 3, 1, 6, 6, 6) == 19);
    STATIC_REQUIRE(out_size(10, 3, 2, 0, 1) == 5);
    STATIC_REQUIRE(out_size(1, 1) == 1);
    STATIC_REQUIRE(window_extent(3, 6) == 13);
}

TEST_CASE("an output without positions is reported as 0") {
    STATIC_REQUIRE(out_size(2, 3) == 0);
    STATIC_REQUIRE(out_size(2, 3, 1, 1, 0) == 1);
    STATIC_REQUIRE(out_size(4, 3, 1, 0, 0, 2) == 0);
    STATIC_REQUIRE(out_size(0, 3, 1, 1, 1) == 0);
    STATIC_REQUIRE(out_size(4, 0) == 0);
    STATIC_REQUIRE(out_size(4, 3, 0) == 0);
    STATIC_REQUIRE(out_size(std::size_t(2), 5, 2) == 0); // unsigned arithmetic does not wrap
    STATIC_REQUIRE(ceil_out_size(2, 3, 2) == 0);
}

TEST_CASE("ceil mode adds a partial window unless it starts in the trailing pad") {
    STATIC_REQUIRE(ceil_out_size(75, 2, 2) == 38);
    STATIC_REQUIRE(out_size(75, 2, 2) == 37);
    STATIC_REQUIRE(ceil_out_size(76, 2, 2) == 38);
    STATIC_REQUIRE(ceil_out_size(11, 3, 2, 1, 1) == 6);
    STATIC_REQUIRE(ceil_out_size(12, 3, 2, 1, 1) == 7);
    STATIC_REQUIRE(ceil_out_size(3, 2, 2, 1, 1) == 2); // the third window would start at 4, beyond the input
    STATIC_REQUIRE(ceil_out_size(1, 1, 2) == 1);
}

TEST_CASE("SAME padding reaches ceil(in / stride) outputs, the odd pad after") {
    STATIC_REQUIRE(same_padding(224, 3, 2) == axis_padding<int>{0, 1});
    STATIC_REQUIRE(same_padding(11, 3, 2) == axis_padding<int>{1, 1});
    STATIC_REQUIRE(same_padding(10, 5, 2) == axis_padding<int>{1, 2});
    STATIC_REQUIRE(same_padding(5, 1, 2) == axis_padding<int>{0, 0});
    for (std::size_t in = 1; in < 40; ++in)
        for (std::size_t kernel : {1u, 3u, 5u, 7u})
            for (std::size_t stride : {1u, 2u, 3u})
                for (std::size_t dilation : {1u, 2u}) {
                    const auto pad = same_padding(in, kernel, stride, dilation);
                    CHECK(out_size(in, kernel, stride, pad.before, pad.after, dilation) ==
                          (in + stride - 1) / stride);
                }
}
