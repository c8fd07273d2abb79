#include <fovea/train/optimizer/accumulate.hpp>
#include <fovea/train/optimizer/clip.hpp>

#include "support/executors.hpp"
#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace fovea;
using namespace fovea::test;

namespace {

std::vector<float> gradients_of(const char* name, std::size_t count) {
    std::vector<float> values;
    for (double u : uniform(name, count))
        values.push_back(static_cast<float>((2 * u - 1) * std::pow(10, 6 * u - 4)));
    return values;
}

double norm_of(const std::vector<float>& values) {
    long double sum = 0;
    for (float v : values)
        sum += static_cast<long double>(v) * static_cast<long double>(v);
    return static_cast<double>(std::sqrt(sum));
}

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

} // namespace

TEST_CASE("clipping equals torch's, reference goldens") {
    const auto golden = shared_golden("components", "optimizers");
    if (!golden)
        return;
    sequential_executor ex;
    const array a = golden->input("clip_a"), b = golden->input("clip_b");
    std::vector<float> gradients(a.values.begin(), a.values.end());
    gradients.insert(gradients.end(), b.values.begin(), b.values.end());
    const std::vector<double> norm{clip_gradients(gradients, 2.5, ex)};
    CHECK(compare(golden->output("clip_norm"), array(golden->output("clip_norm").shape, norm)));
    const auto end_of_a = gradients.begin() + static_cast<std::ptrdiff_t>(a.values.size());
    CHECK(compare(golden->output("clip_a"), array(a.shape, std::vector<float>(gradients.begin(), end_of_a))));
    CHECK(compare(golden->output("clip_b"), array(b.shape, std::vector<float>(end_of_a, gradients.end()))));
}

TEST_CASE("clipping equals torch's, own goldens") {
    const golden_case golden = own_golden("train", "optimizers");
    sequential_executor ex;
    const std::vector<double> rows = golden.input("gradients").values;
    const std::size_t n = golden.input("p").values.size();
    std::vector<float> gradients(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(n));
    const std::vector<double> norm{clip_gradients(gradients, 1.5, ex)};
    CHECK(compare(golden.output("clip_norm"), array({1}, norm)));
    CHECK(compare(golden.output("clipped"), array({n}, gradients)));
}

TEST_CASE("the norm is exact to double, for any size and on every executor") {
    sequential_executor sequential;
    for (std::size_t n : {0u, 1u, 7u, 8u, 100u, 16384u, 16385u, 50000u}) {
        const std::vector<float> values = gradients_of("norm", n);
        const double norm = gradient_norm(values, sequential);
        CHECK(norm == Approx(norm_of(values)).epsilon(1e-13));
        std::vector<float> clipped = values;
        CHECK(clip_gradients(clipped, norm / 2, sequential) == norm);
        CHECK(gradient_norm(clipped, sequential) == Approx(norm / 2).epsilon(1e-5).margin(1e-6));
        for (const named_executor& ex : all_executors()) {
            CHECK(gradient_norm(values, *ex.runs) == norm);
            std::vector<float> other = values;
            clip_gradients(other, norm / 2, *ex.runs);
            CHECK(other == clipped);
        }
    }
    const std::vector<float> large(100, 3e38F); // squares beyond float
    CHECK(gradient_norm(large, sequential) == Approx(3e39));
}

TEST_CASE("a norm within the limit leaves gradients alone") {
    sequential_executor ex;
    std::vector<float> values{3, 4};
    CHECK(clip_gradients(values, 6, ex) == 5);
    CHECK(values == std::vector<float>{3, 4});
    CHECK(clip_gradients(values, infinite, ex) == 5);
    CHECK(values == std::vector<float>{3, 4});
    CHECK(clip_factor(5, 2.5) == Approx(2.5 / (5 + 1e-6)).epsilon(1e-7));
    CHECK(clip_factor(0, 0) == 0);
    CHECK(clip_gradients(values, 0, ex) == 5);
    CHECK(values == std::vector<float>{0, 0});
}

TEST_CASE("gradients of frozen ranges do not count") {
    sequential_executor ex;
    const std::vector<parameter_range> ranges{{0, 1}, {1, 2, 0, 1, true}, {3, 1}};
    const std::vector<float> values{3, not_a_number, 100, 4};
    CHECK(gradient_norm(values, ex, ranges) == 5);
    CHECK(std::isnan(gradient_norm(values, ex)));
}

TEST_CASE("gradients that are no numbers are reported and left alone") {
    sequential_executor ex;
    const std::size_t n = 20000;
    for (std::size_t place : {std::size_t(0), std::size_t(777), n - 1})
        for (float bad : {not_a_number, infinite, -infinite}) {
            std::vector<float> values(n, 1.0F);
            CHECK_FALSE(first_non_finite(values));
            values[place] = bad;
            values[n - 1] = bad;
            const double norm = clip_gradients(values, 1, ex);
            CHECK(!std::isfinite(norm));
            CHECK(std::isnan(norm) == std::isnan(bad));
            CHECK(values[n / 2] == 1);
            CHECK(first_non_finite(values) == place);
        }
    CHECK_FALSE(first_non_finite({}));
    std::vector<float> values{1};
    CHECK_THROWS_AS(clip_gradients(values, -1, ex), input_error);
    CHECK_THROWS_AS(clip_gradients(values, double(not_a_number), ex), input_error);
    CHECK(values[0] == 1);
}

TEST_CASE("accumulated gradients are the weighted sum of the batches'") {
    const std::size_t n = 40003;
    const std::vector<float> a = gradients_of("a", n), b = gradients_of("b", n);
    sequential_executor sequential;
    std::vector<float> sum(n);
    accumulate_gradients(sum, a, 0.75F, sequential);
    accumulate_gradients(sum, b, 0.25F, sequential);
    double largest = 0;
    for (std::size_t i = 0; i < n; ++i)
        largest = std::max(largest, std::abs(double(sum[i]) - 0.75 * double(a[i]) - 0.25 * double(b[i])));
    CHECK(largest < 1e-5); // of values up to 100
    for (const named_executor& ex : all_executors()) {
        std::vector<float> other(n);
        accumulate_gradients(other, a, 0.75F, *ex.runs);
        accumulate_gradients(other, b, 0.25F, *ex.runs);
        CHECK(other == sum);
    }
    CHECK_THROWS_AS(accumulate_gradients(sum, span<const float>(a).subspan(0, 3), 1, sequential),
                    input_error);
}
