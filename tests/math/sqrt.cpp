#include <fovea/math/sqrt.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>

using fovea::constexpr_sqrt;

TEST_CASE("constexpr_sqrt rounds as std::sqrt does") {
    static_assert(constexpr_sqrt(2.0) == 1.4142135623730951);
    static_assert(constexpr_sqrt(0.2 * 0.35) > 0.26 && constexpr_sqrt(9.0) == 3.0);
    std::mt19937_64 random(7);
    std::uniform_real_distribution<double> mantissa(1, 4);
    for (int exponent = -1080; exponent < 1023; exponent += 1) {
        const double x = std::ldexp(mantissa(random), exponent);
        CAPTURE(x);
        CHECK(constexpr_sqrt(x) == std::sqrt(x));
        CHECK(constexpr_sqrt(std::nextafter(x * x, 1.0)) == std::sqrt(std::nextafter(x * x, 1.0)));
    }
}

TEST_CASE("constexpr_sqrt of the ends of double") {
    using limits = std::numeric_limits<double>;
    for (double x : {0.0, 1.0, limits::denorm_min(), limits::min(), limits::max(), limits::infinity()})
        CHECK(constexpr_sqrt(x) == std::sqrt(x));
    CHECK(std::signbit(constexpr_sqrt(-0.0)));
    CHECK(std::isnan(constexpr_sqrt(-1.0)));
    CHECK(std::isnan(constexpr_sqrt(limits::quiet_NaN())));
}
