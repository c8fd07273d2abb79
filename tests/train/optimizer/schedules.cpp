#include <fovea/train/optimizer/plateau.hpp>
#include <fovea/train/optimizer/schedule.hpp>

#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>

using namespace fovea;
using namespace fovea::test;

namespace {

void check_rates(const golden_case& golden, const char* name, const schedule& s) {
    const golden_output& output = golden.output(name);
    std::vector<double> rates;
    for (std::size_t t = 0; t < output.shape.at(0); ++t)
        rates.push_back(s.rate(static_cast<std::int64_t>(t)));
    const comparison result = compare(output, array(output.shape, rates));
    INFO("largest error " << result.max_error);
    CHECK(result);
}

void check_rates(const golden_case& golden, const char* name, plateau p, const char* metrics) {
    const golden_output& output = golden.output(name);
    std::vector<double> rates;
    for (double metric : golden.input(metrics).values) {
        rates.push_back(p.rate());
        p.observe(metric);
    }
    CHECK(compare(output, array(output.shape, rates)));
}

plateau_settings settings(double factor, std::int64_t patience) {
    plateau_settings s;
    s.factor = factor;
    s.patience = patience;
    return s;
}

} // namespace

TEST_CASE("schedules equal the recipes', reference goldens") {
    const auto golden = shared_golden("components", "schedules");
    if (!golden)
        return;
    const double base = 0.4;
    check_rates(*golden, "cosine", schedule::cosine(base, 60, 0.01));
    check_rates(*golden, "step", schedule::step(base, 7, 0.973));
    check_rates(*golden, "multistep", schedule::multistep(base, {20, 35, 50}, 0.1));
    check_rates(*golden, "exponential", schedule::exponential(base, 0.97));
    check_rates(*golden, "linear_warmup", schedule::constant(base).with_warmup(8, 1e-3));
    check_rates(*golden, "poly", schedule::poly(base, 60, 0.9));
    check_rates(*golden, "warmup_multistep", schedule::multistep(base, {20, 35}).with_warmup(8, 0.1));
    check_rates(*golden, "warmup_cosine", schedule::cosine(base, 60 - 8).with_warmup(8, 0.01));
    check_rates(*golden, "efficientdet_cosine", schedule::efficientdet_cosine(base, 60, 8, 0.01));
    check_rates(*golden, "plateau", plateau(base, settings(0.1, 3)), "losses");
}

TEST_CASE("schedules equal torch's, own goldens") {
    const golden_case golden = own_golden("train", "schedules");
    const double base = 0.2;
    check_rates(golden, "cosine", schedule::cosine(base, 25, 0.02)); // rises again behind its end, as torch's
    check_rates(golden, "step", schedule::step(base, 9, 0.6));
    check_rates(golden, "multistep", schedule::multistep(base, {22, 5, 21}, 0.3)); // in any order
    check_rates(golden, "exponential", schedule::exponential(base, 0.93));
    check_rates(golden, "poly", schedule::poly(base, 30));
    check_rates(golden, "warmup_cosine", schedule::cosine(base, 34).with_warmup(6, 0.05));
    const schedule multistep = schedule::multistep(base, {3, 20});
    check_rates(golden, "warmup_multistep", multistep.with_warmup(6, 0.05));
    check_rates(golden, "warmup_over", multistep.with_warmup(6, 0.05, warmup::over));
    plateau_settings smaller = settings(0.5, 2);
    smaller.cooldown = 3;
    check_rates(golden, "plateau_min", plateau(base, smaller), "metrics");
    plateau_settings larger = settings(0.5, 1);
    larger.larger_is_better = larger.absolute = true;
    larger.threshold = 0.3;
    larger.min_rate = 0.01;
    check_rates(golden, "plateau_max", plateau(base, larger), "metrics");
}

TEST_CASE("official EfficientDet's rate follows its formula and rises again at the very end") {
    const schedule s = schedule::efficientdet_cosine(0.08, 1000, 100, 0.008);
    CHECK(s.rate(0) == Approx(0.008));
    CHECK(s.rate(50) == Approx(0.044));
    for (int t : {100, 400, 900, 999})
        CHECK(s.rate(t) == Approx(0.04 * (1 + std::cos(std::acos(-1.0) * t / 900))).margin(1e-15));
    CHECK(s.rate(999) > s.rate(900));
}

TEST_CASE("a held schedule moves by epochs, its warm-up by iterations") {
    const schedule s = schedule::step(1, 2, 0.5).held(10);
    for (int iteration : {0, 9, 10, 19})
        CHECK(s.rate(iteration) == 1);
    for (int iteration : {20, 39})
        CHECK(s.rate(iteration) == 0.5);
    CHECK(s.rate(40) == 0.25);
    const schedule warm = s.with_warmup(15, 0, warmup::over);
    CHECK(warm.rate(0) == 0);
    CHECK(warm.rate(12) == Approx(0.8));
    CHECK(warm.rate(15) == 1);
    CHECK(warm.rate(20) == 0.5);
    CHECK(s.with_warmup(5, 0.5).rate(24) == 1); // begins when the warm-up ends
    CHECK(s.with_warmup(5, 0.5).rate(25) == 0.5);
}

TEST_CASE("schedules at their edges") {
    CHECK(schedule::cosine(1, 10).rate(-5) == 1);
    CHECK(schedule::poly(1, 10).rate(std::numeric_limits<std::int64_t>::max()) == 0);
    CHECK(schedule::multistep(1, {}).rate(1000) == 1);
    CHECK(schedule::constant(0.3).with_warmup(0, 0.1).rate(0) == 0.3);
    CHECK(schedule::constant(0.3).base_rate() == 0.3);
    CHECK(schedule::efficientdet_cosine(0, 10, 2, 0).rate(1) == 0);

    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(schedule::constant(nan), input_error);
    CHECK_THROWS_AS(schedule::constant(-1), input_error);
    CHECK_THROWS_AS(schedule::cosine(1, 0), input_error);
    CHECK_THROWS_AS(schedule::cosine(1, 10, nan), input_error);
    CHECK_THROWS_AS(schedule::step(1, -1), input_error);
    CHECK_THROWS_AS(schedule::multistep(1, {1}, -0.1), input_error);
    CHECK_THROWS_AS(schedule::exponential(1, nan), input_error);
    CHECK_THROWS_AS(schedule::poly(1, 10, -1), input_error);
    CHECK_THROWS_AS(schedule::poly(1, 10).held(0), input_error);
    CHECK_THROWS_AS(schedule::constant(1).with_warmup(-1, 0), input_error);
    CHECK_THROWS_AS(schedule::constant(1).with_warmup(1, nan), input_error);
    CHECK_THROWS_AS(schedule::efficientdet_cosine(1, 10, 10, 0.1), input_error);
}

TEST_CASE("a plateau goes on from its state; NaN is no improvement") {
    plateau first(1, settings(0.5, 1));
    first.observe(3);
    first.observe(4);
    plateau second(1, settings(0.5, 1));
    second.set_state(first.state());
    for (plateau* p : {&first, &second}) {
        CHECK(p->rate() == 1);
        p->observe(std::numeric_limits<double>::quiet_NaN());
        CHECK(p->rate() == 0.5);
        CHECK(p->state().best == 3);
        CHECK(p->state().bad_epochs == 0);
    }
    plateau never(1, settings(0.5, 0));
    never.observe(std::numeric_limits<double>::quiet_NaN());
    CHECK(never.rate() == 0.5);

    CHECK_THROWS_AS(plateau(-1), input_error);
    CHECK_THROWS_AS(plateau(1, settings(1, 3)), input_error);
    CHECK_THROWS_AS(plateau(1, settings(std::numeric_limits<double>::quiet_NaN(), 3)), input_error);
    CHECK_THROWS_AS(plateau(1, settings(0.1, -1)), input_error);
}
