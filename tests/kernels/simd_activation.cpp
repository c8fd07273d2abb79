// Activations and the exponential function on vectors, over floats of every magnitude against double.
#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/simd/activation.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

using namespace fovea;

namespace {

// About two million numbers: every 1999th bit pattern that is no NaN.
std::vector<float> floats_of_every_magnitude() {
    std::vector<float> numbers;
    for (std::uint64_t bits = 0; bits < (std::uint64_t{1} << 32U); bits += 1999) {
        const auto pattern = static_cast<std::uint32_t>(bits);
        float x = 0;
        std::memcpy(&x, &pattern, sizeof x);
        if (!std::isnan(x))
            numbers.push_back(x);
    }
    return numbers;
}

// How far `got` is from `exact`, in units of the last place of a float there.
double units_off(float got, double exact) {
    const auto off = std::abs(static_cast<double>(got) - exact);
    return std::ldexp(off, 24 - std::max(std::ilogb(exact) + 1, -125));
}

struct largest_error {
    double units = 0;    // where the exact result is at least `least`
    double absolute = 0; // below
    float at = 0;

    void take(float x, float got, double exact, double least) {
        if (std::abs(exact) < least)
            absolute = std::max(absolute, std::abs(static_cast<double>(got) - exact));
        else if (!(units_off(got, exact) <= units)) { // a NaN stays
            units = units_off(got, exact);
            at = x;
        }
    }
};

float exponential_of(float x) {
    array_of<float, vector_size> lanes{x};
    exponential(vector::load_unaligned(lanes)).store_unaligned(lanes);
    return lanes[0];
}

} // namespace

TEST_CASE("sigmoid, silu and softplus are right for floats of every magnitude") {
    const std::vector<float> inputs = floats_of_every_magnitude();
    const auto count = static_cast<int>(inputs.size());
    for (activation act : {activation::sigmoid, activation::silu, activation::softplus}) {
        std::vector<float> got = inputs;
        finish_activation(act, got.data(), 0, 1, count);
        largest_error e;
        for (std::size_t i = 0; i < got.size(); ++i)
            if (std::isfinite(inputs[i]))
                e.take(inputs[i], got[i], reference::activate(act, static_cast<double>(inputs[i])), 4e-37);
        INFO(name_of(act) << " at " << e.at);
        CHECK(e.units < 2.5);
        CHECK(e.absolute < 4e-37);
    }
}

TEST_CASE("the exponential function is right for floats of every magnitude") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    largest_error e;
    for (float x : floats_of_every_magnitude())
        if (std::abs(x) < 88.7F)
            e.take(x, exponential_of(x), std::exp(static_cast<double>(x)), 1.2e-38);
    INFO("at " << e.at);
    CHECK(e.units < 1.2);
    CHECK(e.absolute < 1e-44);
    CHECK(exponential_of(88.72F) < infinity);
    for (float x : {88.73F, 1e4F, 3e38F, infinity})
        CHECK(exponential_of(x) == infinity);
    for (float x : {-104.0F, -1e4F, -3e38F, -infinity})
        CHECK(exponential_of(x) == 0);
    CHECK(exponential_of(0) == 1);
    CHECK(exponential_of(-0.0F) == 1);
    CHECK(std::isnan(exponential_of(std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("activations end where their limits are") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    CHECK(activate(activation::sigmoid, infinity) == 1);
    CHECK(activate(activation::sigmoid, -infinity) == Approx(0).margin(1e-38));
    CHECK(activate(activation::silu, infinity) == infinity);
    CHECK(activate(activation::silu, -infinity) == Approx(0).margin(4e-37)); // torch: not a number
    CHECK(activate(activation::softplus, infinity) == infinity);
    CHECK(activate(activation::softplus, -infinity) == 0);
    CHECK(activate(activation::hardsigmoid, infinity) == 1);
    CHECK(activate(activation::hardsigmoid, -infinity) == 0);
    for (activation act : {activation::sigmoid, activation::silu, activation::hardswish, activation::relu})
        CHECK(std::isnan(activate(act, std::numeric_limits<float>::quiet_NaN())));
}

TEST_CASE("activations give a number the same bits in whole vectors, halves and the rest of a row") {
    constexpr int count = vector_size + half_size + 3;
    const std::vector<float> inputs = floats_of_every_magnitude();
    for (activation act : {activation::sigmoid, activation::silu, activation::softplus})
        for (std::size_t i = 0; i < inputs.size(); i += 37) {
            std::vector<float> row(count, inputs[i]);
            finish_activation(act, row.data(), 0, 1, count);
            INFO(name_of(act) << " of " << inputs[i]);
            REQUIRE(std::all_of(row.begin(), row.end(), [&](float x) {
                return std::memcmp(&x, row.data(), sizeof x) == 0;
            }));
        }
}

TEST_CASE("activations in memory reach every number of a row and nothing beside it") {
    constexpr int stride = 100, rows = 3;
    for (activation act :
         {activation::sigmoid, activation::silu, activation::softplus, activation::hardsigmoid})
        for (int count = 0; count <= 70; ++count) {
            std::vector<float> got(stride * rows);
            for (std::size_t i = 0; i < got.size(); ++i)
                got[i] = static_cast<float>(i) / 20 - 7;
            const std::vector<float> before = got;
            finish_activation(act, got.data(), stride, rows, count);
            INFO(name_of(act) << ", " << count);
            for (std::size_t i = 0; i < got.size(); ++i)
                REQUIRE(got[i] ==
                        (static_cast<int>(i) % stride < count
                             ? Approx(reference::activate(act, before[i])).epsilon(1e-6).margin(1e-7)
                             : Approx(before[i]).epsilon(0)));
        }
}
