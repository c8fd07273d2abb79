#include <fovea/train/random.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

using namespace fovea;

TEST_CASE("number i of a stream is a function of seed, stream and i") {
    constexpr random_stream fixed(1, 2);
    random_stream drawn(1, 2);
    for (std::uint64_t i = 0; i < 100; ++i)
        CHECK(drawn.next_u64() == fixed.at(i));
    CHECK(drawn.state().counter == 100);
    CHECK(random_stream(2, 1).at(0) != fixed.at(0));
    CHECK(random_stream(1, 3).at(0) != fixed.at(0));
}

// The numbers that seeded runs and committed weights rest on; from a second implementation, in Python.
TEST_CASE("numbers of a stream stay what they are") {
    random_stream r(42, 7);
    CHECK(r.at(0) == 8163751063597049310u);
    CHECK(r.at(1000) == 7695327085066059472u);
    const std::array<double, 3> normals{r.normal(), r.normal(), r.normal()};
    CHECK(normals ==
          std::array<double, 3>{-0x1.61164c75fa042p-4, 0x1.2551c52e46b0ap+0, 0x1.23bb59f35aa86p+0});
}

TEST_CASE("a stream goes on from its state") {
    random_stream first(3);
    first.normal();
    first.uniform();
    random_stream second(first.state());
    random_stream third(99);
    third.set_state(first.state());
    CHECK(third.state() == first.state());
    for (int i = 0; i < 20; ++i) {
        const double value = first.normal();
        CHECK(second.normal() == value);
        CHECK(third.normal() == value);
    }
    CHECK(first.state() != random_stream(3).state());
}

TEST_CASE("uniform numbers fill their range evenly") {
    random_stream r(5);
    std::array<int, 16> counts{};
    const int n = 160000;
    for (int i = 0; i < n; ++i) {
        const float value = r.uniform();
        REQUIRE(value >= 0);
        REQUIRE(value < 1);
        ++counts[static_cast<std::size_t>(value * 16)];
    }
    for (int count : counts) // 10000 +- 4 * 97
        CHECK(std::abs(count - n / 16) < 400);
    STATIC_REQUIRE(random_stream::to_uniform(std::numeric_limits<std::uint64_t>::max()) < 1);
    STATIC_REQUIRE(random_stream::to_uniform(0) == 0);
    for (int i = 0; i < 1000; ++i) {
        const double value = r.uniform(-3, -2);
        CHECK((value >= -3 && value <= -2));
    }
}

TEST_CASE("normal numbers have the moments of a normal distribution") {
    random_stream r(6);
    double sum = 0, squares = 0, fourth = 0;
    int beyond_two = 0;
    const int n = 200000;
    for (int i = 0; i < n; ++i) {
        const double value = r.normal();
        sum += value;
        squares += value * value;
        fourth += value * value * value * value;
        beyond_two += std::abs(value) > 2;
    }
    CHECK(std::abs(sum / n) < 4 / std::sqrt(n));
    CHECK(squares / n == Approx(1).epsilon(0.02));
    CHECK(fourth / n == Approx(3).epsilon(0.05));
    CHECK(static_cast<double>(beyond_two) / n == Approx(0.0455).epsilon(0.06));
}

TEST_CASE("streams of one seed, and neighbouring seeds, are not correlated") {
    const int n = 100000;
    for (auto [a, b] :
         {std::pair(random_stream(1, 0), random_stream(1, 1)), std::pair(random_stream(1), random_stream(2)),
          std::pair(random_stream(0, 1), random_stream(1, 0))}) {
        double product = 0;
        for (int i = 0; i < n; ++i)
            product += a.normal() * b.normal();
        CHECK(std::abs(product / n) < 4 / std::sqrt(n));
    }
}

TEST_CASE("below, chance and shuffle") {
    random_stream r(8);
    std::array<int, 7> counts{};
    for (int i = 0; i < 70000; ++i)
        ++counts.at(static_cast<std::size_t>(r.below(7)));
    for (int count : counts)
        CHECK(std::abs(count - 10000) < 400);
    CHECK(r.below(0) == 0);
    CHECK(r.below(1) == 0);
    CHECK(r.below((std::uint64_t(1) << 63U) + 1) <= std::uint64_t(1) << 63U);

    CHECK_FALSE(r.chance(0));
    CHECK_FALSE(r.chance(std::numeric_limits<double>::quiet_NaN()));
    CHECK(r.chance(1));

    // Each item at each place equally often.
    std::array<std::array<int, 4>, 4> places{};
    for (int i = 0; i < 40000; ++i) {
        std::array<std::size_t, 4> items{0, 1, 2, 3};
        shuffle(span<std::size_t>(items), r);
        for (std::size_t place = 0; place < 4; ++place)
            ++places[place].at(items[place]);
    }
    for (const auto& row : places)
        for (int count : row)
            CHECK(std::abs(count - 10000) < 400);
    shuffle(span<int>(), r); // nothing to do
}

TEST_CASE("the portable logarithm agrees with the library's") {
    random_stream r(9);
    double worst = 0;
    for (int i = 0; i < 20000; ++i) {
        const double x = r.uniform_double() + 1e-300, tiny = std::ldexp(x, -static_cast<int>(r.below(900)));
        for (double value : {x, tiny, 1 - std::ldexp(x, -20)})
            worst = std::max(worst, std::abs(detail::portable_log(value) / std::log(value) - 1));
    }
    CHECK(worst < 1e-15);
    CHECK(detail::portable_log(1) == 0);
}
