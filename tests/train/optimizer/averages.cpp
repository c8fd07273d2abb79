#include <fovea/train/optimizer/average.hpp>
#include <fovea/train/optimizer/ema.hpp>

#include "support/executors.hpp"
#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace fovea;
using namespace fovea::test;

namespace {

// Rows 1, 2, ... of `rows` go into an average that begins as row 0; the average after each.
std::vector<float> averages_of(const std::vector<float>& rows, std::size_t n, ema_settings settings) {
    sequential_executor ex;
    const span<const float> all(rows);
    moving_average average(all.subspan(0, n), settings);
    std::vector<float> after;
    for (std::size_t begin = n; begin < rows.size(); begin += n) {
        average.update(all.subspan(begin, n), ex);
        after.insert(after.end(), average.values().begin(), average.values().end());
    }
    return after;
}

std::vector<float> values_of(const char* name, std::size_t count) {
    std::vector<float> values;
    for (double u : uniform(name, count))
        values.push_back(static_cast<float>(2 * u - 1));
    return values;
}

} // namespace

TEST_CASE("moving averages equal the reference's") {
    const auto golden = shared_golden("components", "ema");
    if (!golden)
        return;
    const array rows = golden->input("parameters");
    const std::vector<float> values(rows.values.begin(), rows.values.end());
    for (auto [name, settings] :
         {std::pair("ema_9000", ema_settings{0.9}), std::pair("ema_9998", ema_settings{}),
          std::pair("ema_ramp", ema_settings{0.9998, true})}) {
        const golden_output& output = golden->output(name);
        const comparison result =
            compare(output, array(output.shape, averages_of(values, rows.shape.at(1), settings)));
        INFO("largest error " << result.max_error);
        CHECK(result);
    }
}

TEST_CASE("moving averages equal their formula") {
    const std::size_t n = 37, updates = 30;
    const std::vector<float> rows = values_of("rows", n * (updates + 1));
    for (const ema_settings& settings :
         {ema_settings{0.9}, ema_settings{0.5, true}, ema_settings{0.9998, true}, ema_settings{0, false},
          ema_settings{1, false}}) {
        std::vector<double> average(rows.begin(), rows.begin() + n);
        const std::vector<float> got = averages_of(rows, n, settings);
        double largest = 0;
        for (std::size_t t = 0; t < updates; ++t) {
            const double ramp = (1 + double(t)) / (10 + double(t));
            const double decay = settings.ramp ? std::min(settings.decay, ramp) : settings.decay;
            for (std::size_t i = 0; i < n; ++i) {
                average[i] = decay * average[i] + (1 - decay) * double(rows[(t + 1) * n + i]);
                largest = std::max(largest, std::abs(average[i] - double(got[t * n + i])));
            }
        }
        CHECK(largest < 1e-6);
    }
}

TEST_CASE("a moving average is the same bits on every executor, and goes on from its state") {
    const std::size_t n = 40003;
    const std::vector<float> start = values_of("start", n), values = values_of("values", n);
    sequential_executor sequential;
    moving_average expected(start, {0.99, true});
    for (int t = 0; t < 3; ++t)
        expected.update(values, sequential);
    for (const named_executor& ex : all_executors()) {
        moving_average average(start, {0.99, true});
        average.update(values, *ex.runs);
        moving_average resumed(average.values(), {0.99, true});
        resumed.set_updates(average.updates());
        resumed.update(values, *ex.runs);
        resumed.update(values, *ex.runs);
        CHECK(std::equal(resumed.values().begin(), resumed.values().end(), expected.values().begin()));
        CHECK(resumed.updates() == 3);
    }
    const std::vector<float> constant(5, 0.1F);
    moving_average same(constant);
    same.update(constant, sequential);
    CHECK(std::equal(constant.begin(), constant.end(), same.values().begin()));
}

TEST_CASE("moving averages refuse what makes none") {
    sequential_executor ex;
    const std::vector<float> values(4);
    CHECK_THROWS_AS(moving_average(values, {1.1}), input_error);
    CHECK_THROWS_AS(moving_average(values, {-0.1}), input_error);
    CHECK_THROWS_AS(moving_average(values, {std::numeric_limits<double>::quiet_NaN()}), input_error);
    moving_average average(values);
    CHECK_THROWS_AS(average.update(span<const float>(values).subspan(0, 3), ex), input_error);
    CHECK(average.updates() == 0);
}

TEST_CASE("the mean of several weights") {
    const std::vector<float> a{1, 2, 0.1F}, b{4, 2, 0.1F}, c{10, -1, 0.1F};
    std::vector<float> mean(3);
    average(std::vector<span<const float>>{a, b, c}, mean);
    CHECK(mean == std::vector<float>{5, 1, 0.1F});
    std::vector<float> in_place = a;
    average(std::vector<span<const float>>{in_place, b}, in_place);
    CHECK(in_place == std::vector<float>{2.5F, 2, 0.1F});
    CHECK_THROWS_AS(average({}, mean), input_error);
    CHECK_THROWS_AS(average(std::vector<span<const float>>{a, span<const float>(b).subspan(0, 2)}, mean),
                    input_error);
}

TEST_CASE("the last improving weights are kept and averaged") {
    improving_weights best(2);
    std::vector<float> mean(1);
    CHECK_THROWS_AS(best.average_into(mean), input_error);
    const auto offer = [&](improving_weights& to, double score, float weight) {
        return to.offer(score, std::vector<float>{weight});
    };
    CHECK(offer(best, 0.1, 1));
    CHECK(offer(best, 0.3, 2));
    CHECK_FALSE(offer(best, 0.2, 100));
    CHECK_FALSE(offer(best, 0.3, 100));
    CHECK_FALSE(offer(best, std::numeric_limits<double>::quiet_NaN(), 100));
    best.average_into(mean);
    CHECK(mean[0] == 1.5F);
    improving_weights resumed(2);
    resumed.restore(best.best(), best.kept());
    for (improving_weights* b : {&best, &resumed}) {
        CHECK_FALSE(offer(*b, 0.25, 100));
        CHECK(offer(*b, 0.4, 5));
        b->average_into(mean);
        CHECK(mean[0] == 3.5F);
        CHECK(b->best() == 0.4);
        CHECK_THROWS_AS(b->offer(1, std::vector<float>{1, 2}), input_error);
    }
    CHECK_THROWS_AS(improving_weights(0), input_error);
}
