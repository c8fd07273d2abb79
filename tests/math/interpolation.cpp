#include <fovea/math/interpolation.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <numeric>

using namespace fovea::interpolation;

TEST_CASE("source positions of both corner conventions") {
    STATIC_REQUIRE(source_scale<float>(7, 14) == 0.5f);
    STATIC_REQUIRE(source_scale<float>(7, 13, true) == 0.5f);
    STATIC_REQUIRE(source_scale<float>(7, 1, true) == 0.0f);
    STATIC_REQUIRE(source_scale<double>(7, 14, false, 4.0) == 0.25);
    STATIC_REQUIRE(source_position(0, 0.5f) == -0.25f);
    STATIC_REQUIRE(source_position(3, 0.5f, true) == 1.5f);
    STATIC_REQUIRE(source_position(5, 1.0f) == 5.0f); // an unchanged size is the identity
}

TEST_CASE("neighbours stay inside the axis and weights sum to one") {
    constexpr auto before = linear_taps(-0.25f, 7);
    STATIC_REQUIRE((before.index[0] == 0 && before.weight[0] == 1.0f));
    constexpr auto middle = linear_taps(2.25, 7);
    STATIC_REQUIRE((middle.index[0] == 2 && middle.index[1] == 3 && middle.weight[1] == 0.25));
    constexpr auto beyond = linear_taps(6.25f, 7);
    STATIC_REQUIRE((beyond.index[0] == 6 && beyond.index[1] == 6));
    STATIC_REQUIRE(nearest_index(13, 0.5f, 7) == 6);
    STATIC_REQUIRE(nearest_index(14, 0.5f, 7) == 6);

    for (std::size_t in : {1u, 2u, 3u, 9u})
        for (std::size_t out : {1u, 2u, 5u, 9u, 20u})
            for (std::size_t d = 0; d < out; ++d) {
                const double position = source_position(d, source_scale<double>(in, out));
                const auto linear = linear_taps(position, in);
                const auto cubic = cubic_taps(position, in);
                CHECK(linear.index[1] < in);
                CHECK(*std::max_element(cubic.index.begin(), cubic.index.end()) < in);
                CHECK(linear.weight[0] + linear.weight[1] == Approx(1));
                CHECK(std::accumulate(cubic.weight.begin(), cubic.weight.end(), 0.0) == Approx(1));
            }
}

TEST_CASE("cubic weights interpolate and reproduce straight lines") {
    constexpr auto at_sample = cubic_taps(3.0, 9);
    STATIC_REQUIRE((at_sample.index[1] == 3 && at_sample.weight[1] == 1.0 && at_sample.weight[0] == 0.0));
    constexpr auto outside = cubic_taps(-0.25, 9);
    STATIC_REQUIRE(
        (outside.index[0] == 0 && outside.index[1] == 0 && outside.index[2] == 0 && outside.index[3] == 1));
    const auto half = cubic_taps(3.5, 9);
    double line = 0;
    for (std::size_t k = 0; k < 4; ++k)
        line += half.weight[k] * static_cast<double>(half.index[k]);
    CHECK(line == Approx(3.5));
}

TEST_CASE("antialias windows cover the stretched kernel and are clamped") {
    constexpr auto shrink = make_antialias_window(1, 4.0, 1.0, 16); // 16 -> 4, centre 6, radius 4
    STATIC_REQUIRE((shrink.first == 2 && shrink.count == 8 && shrink.centre == 6.0));
    STATIC_REQUIRE(triangle_kernel(shrink.distance(5)) == 0.875);
    constexpr auto edge = make_antialias_window(0, 4.0, 2.0, 16);
    STATIC_REQUIRE((edge.first == 0 && edge.count == 10));
    constexpr auto enlarge = make_antialias_window(0, 0.5, 1.0, 4);
    STATIC_REQUIRE((enlarge.first == 0 && enlarge.count == 1));
}
