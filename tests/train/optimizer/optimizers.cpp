// Optimizers against formulas in double, and what all of them promise: the same bits everywhere, state that
// can be saved, errors.
#include "optimizer_case.hpp"

#include "support/executors.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <map>

using namespace fovea;
using namespace fovea::test;

namespace {

using state = std::map<std::string, std::vector<float>, std::less<>>;

state state_of(optimizer& o) {
    state all;
    o.for_each_state([&](std::string_view name, span<float> values) {
        all[std::string(name)].assign(values.begin(), values.end());
    });
    return all;
}

void restore(optimizer& o, const state& saved, std::uint64_t steps) {
    o.for_each_state([&](std::string_view name, span<float> values) {
        const auto& from = saved.find(name)->second;
        std::copy(from.begin(), from.end(), values.begin());
    });
    o.set_steps(steps);
}

} // namespace

TEST_CASE("optimizers equal scalar formulas in double, over ranges of any size") {
    const std::vector<parameter_range> ranges = ragged_ranges();
    const std::size_t n = ranges.back().end();
    sequential_executor ex;
    for (scalar_optimizer scalar : all_scalars()) {
        const auto o = making(scalar)(ranges);
        std::vector<float> weights = numbers("weights", n);
        const std::vector<float> start = weights;
        scalar.weights.assign(weights.begin(), weights.end());
        scalar.first.assign(n, scalar.r.form == tensorflow_form ? 1.0 : 0.0);
        scalar.second = scalar.third = std::vector<double>(n);
        for (int t = 0; t < 4; ++t) {
            const std::vector<float> gradients = numbers(t % 2 == 0 ? "even" : "odd", n);
            o->step(weights, gradients, 0.01, ex);
            scalar.step(gradients, ranges, 0.01);
        }
        double largest = 0, moved = 0;
        for (std::size_t i = 0; i < n; ++i) {
            largest = std::max(largest, std::abs(double(weights[i]) - scalar.weights[i]) /
                                            (std::abs(scalar.weights[i]) + 0.1));
            moved = std::max(moved, std::abs(double(weights[i]) - double(start[i])));
        }
        CAPTURE(o->name(), largest);
        CHECK(largest < 2e-5);
        CHECK(moved > 0.01);
        const parameter_range& frozen = ranges[3];
        CHECK(std::equal(start.begin() + 24, start.begin() + 24 + 33, weights.begin() + 24));
        CHECK((frozen.frozen && frozen.offset == 24 && frozen.size == 33));
        o->for_each_state([&](std::string_view name, span<float> values) {
            const float initial = name == "square_avg" && scalar.r.form == tensorflow_form ? 1 : 0;
            for (float v : values.subspan(frozen.offset, frozen.size))
                CHECK(v == initial);
        });
    }
}

TEST_CASE("an update is the same bits on every executor, and wherever a number stands") {
    const std::vector<parameter_range> ranges = ragged_ranges();
    const std::size_t n = ranges.back().end();
    const std::vector<float> start = numbers("weights", n), gradients = numbers("even", n);
    for (const scalar_optimizer& kind : all_scalars()) {
        const auto o = making(kind)(ranges);
        std::vector<float> expected = start;
        sequential_executor sequential;
        for (int t = 0; t < 3; ++t)
            o->step(expected, gradients, 0.01, sequential);
        for (const named_executor& ex : all_executors()) {
            const auto other = making(kind)(ranges);
            std::vector<float> weights = start;
            for (int t = 0; t < 3; ++t)
                other->step(weights, gradients, 0.01, *ex.runs);
            CAPTURE(o->name(), ex.name);
            CHECK(weights == expected);
            CHECK(state_of(*other) == state_of(*o));
        }
        for (std::size_t place :
             {std::size_t(0), std::size_t(7), std::size_t(60), std::size_t(20061), n - 1}) {
            const auto part = std::find_if(ranges.begin(), ranges.end(),
                                           [&](const parameter_range& r) { return place < r.end(); });
            parameter_range alone = *part;
            alone.offset = 0;
            alone.size = 1;
            const auto other = making(kind)({alone});
            std::vector<float> weight{start[place]};
            for (int t = 0; t < 3; ++t)
                other->step(weight, span<const float>(&gradients[place], 1), 0.01, sequential);
            CHECK(weight[0] == expected[place]);
        }
    }
}

TEST_CASE("an optimizer goes on from its state bit for bit") {
    const std::size_t n = 100;
    const std::vector<float> gradients = numbers("even", n);
    sequential_executor ex;
    for (const scalar_optimizer& kind : all_scalars()) {
        const auto first = making(kind)(whole_range(n, 0.01F)), second = making(kind)(whole_range(n, 0.01F));
        std::vector<float> weights = numbers("weights", n);
        for (int t = 0; t < 3; ++t)
            first->step(weights, gradients, 0.02, ex);
        std::vector<float> resumed = weights;
        restore(*second, state_of(*first), first->steps());
        for (int t = 0; t < 3; ++t) {
            first->step(weights, gradients, 0.01, ex);
            second->step(resumed, gradients, 0.01, ex);
        }
        CHECK(first->steps() == 6);
        CHECK(resumed == weights);
        CHECK(state_of(*second) == state_of(*first));
    }
}

TEST_CASE("the gradient scale is a factor on the gradients, bit for bit") {
    const std::size_t n = 100;
    const std::vector<float> gradients = numbers("even", n);
    std::vector<float> scaled = gradients;
    for (float& g : scaled)
        g *= 0.3F;
    sequential_executor ex;
    for (const scalar_optimizer& kind : all_scalars()) {
        const auto first = making(kind)(whole_range(n, 0.01F)), second = making(kind)(whole_range(n, 0.01F));
        std::vector<float> weights = numbers("weights", n), other = weights;
        for (int t = 0; t < 2; ++t) {
            first->step(weights, gradients, 0.01, ex, 0.3F);
            second->step(other, scaled, 0.01, ex);
        }
        CHECK(weights == other);
    }
}

TEST_CASE("state has torch's names and is there from the beginning") {
    const auto names = [](optimizer& o) {
        std::vector<std::string> all;
        o.for_each_state([&](std::string_view name, span<float> values) {
            CHECK(values.size() == o.size());
            all.emplace_back(name);
        });
        return all;
    };
    using list = std::vector<std::string>;
    sgd plain(whole_range(3)), momentum(whole_range(3), {0.9});
    CHECK(names(plain).empty());
    CHECK(names(momentum) == list{"momentum_buffer"});
    rmsprop all(whole_range(3), {0.9, 1e-3, 0.9, true});
    CHECK(names(all) == list{"square_avg", "grad_avg", "momentum_buffer"});
    adam a(whole_range(3)), w(whole_range(3), {0.9, 0.999, 1e-8, true});
    CHECK(names(a) == list{"exp_avg", "exp_avg_sq"});
    CHECK(std::string(plain.name()) == "sgd");
    CHECK(std::string(all.name()) == "rmsprop");
    CHECK(std::string(a.name()) == "adam");
    CHECK(std::string(w.name()) == "adamw");
}

TEST_CASE("centered RMSProp survives gradients that never change") {
    sequential_executor ex;
    for (rmsprop_form form : {torch_form, tensorflow_form}) {
        rmsprop o(whole_range(64), {0.5, 1e-3, 0.9, true, form});
        std::vector<float> weights(64), gradients(64);
        for (std::size_t i = 0; i < 64; ++i)
            gradients[i] = 0.1F + 0.37F * static_cast<float>(i);
        for (int t = 0; t < 100; ++t) // long enough for the mean of g^2 and the squared mean to meet
            o.step(weights, gradients, 1e-4, ex);
        for (float w : weights)
            CHECK(std::isfinite(w));
    }
}

TEST_CASE("optimizers refuse what they cannot work with, and change nothing then") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(sgd(whole_range(3), {nan}), input_error);
    CHECK_THROWS_AS(sgd(whole_range(3), {1.0}), input_error);
    CHECK_THROWS_AS(sgd(whole_range(3), {-0.1}), input_error);
    CHECK_THROWS_AS(sgd(whole_range(3), {0.9, nan}), input_error);
    CHECK_THROWS_AS(sgd(whole_range(3), {0, 0, true}), input_error);
    CHECK_THROWS_AS(sgd(whole_range(3), {0.9, 0.1, true}), input_error);
    CHECK_THROWS_AS(rmsprop(whole_range(3), {1.5}), input_error);
    CHECK_THROWS_AS(rmsprop(whole_range(3), {0.9, -1e-3}), input_error);
    CHECK_THROWS_AS(rmsprop(whole_range(3), {0.9, HUGE_VAL}), input_error);
    CHECK_THROWS_AS(adam(whole_range(3), {1.0}), input_error);
    CHECK_THROWS_AS(adam(whole_range(3), {0.9, nan}), input_error);
    CHECK_THROWS_AS(adam(whole_range(3, -1)), input_error);
    CHECK_THROWS_AS(sgd({{0, 3}, {4, 2}}), input_error);

    sequential_executor ex;
    sgd o(whole_range(3), {0.9});
    std::vector<float> weights{1, 2, 3}, gradients{1, 1, 1}, few{1, 1};
    CHECK_THROWS_AS(o.step(weights, few, 0.1, ex), input_error);
    CHECK_THROWS_AS(o.step(few, gradients, 0.1, ex), input_error);
    CHECK_THROWS_AS(o.step(weights, gradients, nan, ex), input_error);
    CHECK_THROWS_AS(o.step(weights, gradients, -0.1, ex), input_error);
    CHECK_THROWS_AS(o.step(weights, gradients, 0.1, ex, float(nan)), input_error);
    CHECK(weights == std::vector<float>{1, 2, 3});
    CHECK(o.steps() == 0);
    CHECK(state_of(o)["momentum_buffer"] == std::vector<float>(3));
    // A gradient that is not finite stays where it is.
    gradients[1] = float(nan);
    o.step(weights, gradients, 0.1, ex);
    CHECK((weights[0] == 0.9F && std::isnan(weights[1]) && weights[2] == Approx(2.9)));
    sgd nothing({});
    nothing.step({}, {}, 0.1, ex);
    CHECK(nothing.steps() == 1);
}
