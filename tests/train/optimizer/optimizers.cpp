#include <fovea/train/optimizer/adam.hpp>
#include <fovea/train/optimizer/rmsprop.hpp>
#include <fovea/train/optimizer/sgd.hpp>

#include "support/executors.hpp"
#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <functional>
#include <limits>
#include <map>
#include <memory>

using namespace fovea;
using namespace fovea::test;

namespace {

using optimizer_pointer = std::unique_ptr<optimizer>;
using maker = std::function<optimizer_pointer(std::vector<parameter_range>)>;

template <class Optimizer, class Settings>
maker making(const Settings& settings) {
    return [settings](std::vector<parameter_range> ranges) -> optimizer_pointer {
        return std::make_unique<Optimizer>(std::move(ranges), settings);
    };
}

std::vector<float> floats(const array& a) {
    return {a.values.begin(), a.values.end()};
}

// [steps, size]: the weights after each step.
std::vector<float> run(optimizer& o, std::vector<float> weights, const std::vector<float>& gradients,
                       const std::function<double(int)>& rate) {
    sequential_executor ex;
    const std::size_t n = weights.size();
    std::vector<float> rows;
    for (std::size_t t = 0; t * n < gradients.size(); ++t) {
        o.step(weights, span<const float>(gradients).subspan(t * n, n), rate(static_cast<int>(t)), ex);
        rows.insert(rows.end(), weights.begin(), weights.end());
    }
    return rows;
}

struct golden_run {
    const char* output;
    maker make;
    float weight_decay;
};

void check_runs(const golden_case& golden, const std::vector<golden_run>& runs,
                const std::function<double(int)>& rate) {
    const std::vector<float> start = floats(golden.input("p")), gradients = floats(golden.input("gradients"));
    for (const golden_run& r : runs) {
        const auto o = r.make(whole_range(start.size(), r.weight_decay));
        const golden_output& output = golden.output(r.output);
        const comparison result = compare(output, array(output.shape, run(*o, start, gradients, rate)));
        INFO("largest error " << result.max_error);
        CHECK(result);
    }
}

maker rmsprop_of(double alpha, double eps, double momentum, bool centered, rmsprop_form form) {
    return making<rmsprop>(rmsprop_settings{alpha, eps, momentum, centered, form});
}

constexpr auto torch_form = rmsprop_form::torch, tensorflow_form = rmsprop_form::tensorflow;

// Weights, or gradients, of many magnitudes.
std::vector<float> numbers(const char* name, std::size_t count) {
    std::vector<float> values;
    for (double u : uniform(name, count))
        values.push_back(static_cast<float>((2 * u - 1) * std::pow(10, 4 * u - 3)));
    return values;
}

// Ranges that begin and end anywhere: single numbers, whole chunks, a frozen one.
std::vector<parameter_range> ragged_ranges() {
    std::vector<parameter_range> ranges;
    std::size_t offset = 0;
    for (std::size_t size : {1u, 7u, 16u, 33u, 0u, 20000u, 3u, 40000u, 5u}) {
        const auto i = static_cast<float>(ranges.size());
        ranges.push_back({offset, size, 0.01F * i, 1 + 0.25F * i, ranges.size() == 3});
        offset += size;
    }
    return ranges;
}

// One step of every weight in double, from the definitions: what the vectors are compared with.
struct scalar_optimizer {
    enum class kind { sgd, rmsprop, adam } what = kind::sgd;
    sgd_settings s{};
    rmsprop_settings r{};
    adam_settings a{};
    std::vector<double> weights{}, first{}, second{}, third{};
    int steps = 0;

    void step(const std::vector<float>& gradients, const std::vector<parameter_range>& ranges, double rate) {
        ++steps;
        for (const parameter_range& range : ranges)
            for (std::size_t i = range.offset; i < range.end() && !range.frozen; ++i)
                step_one(i, double(gradients[i]), double(range.weight_decay),
                         rate * double(range.learning_rate_scale));
    }
    void step_one(std::size_t i, double g, double decay, double rate) {
        double& w = weights[i];
        if (what == kind::adam && a.decoupled)
            w -= rate * decay * w;
        else
            g += decay * w;
        if (what == kind::sgd) {
            first[i] = steps == 1 ? g : s.momentum * first[i] + (1 - s.dampening) * g;
            w -= rate * (s.nesterov ? g + s.momentum * first[i] : s.momentum > 0 ? first[i] : g);
        } else if (what == kind::adam) {
            first[i] = a.beta1 * first[i] + (1 - a.beta1) * g;
            second[i] = a.beta2 * second[i] + (1 - a.beta2) * g * g;
            const double mean = first[i] / (1 - std::pow(a.beta1, steps));
            w -= rate * mean / (std::sqrt(second[i] / (1 - std::pow(a.beta2, steps))) + a.eps);
        } else {
            const bool tensorflow = r.form == tensorflow_form;
            first[i] = r.alpha * first[i] + (1 - r.alpha) * g * g;
            second[i] = r.alpha * second[i] + (1 - r.alpha) * g;
            const double spread = first[i] - (r.centered ? second[i] * second[i] : 0);
            const double root = tensorflow ? std::sqrt(spread + r.eps) : std::sqrt(spread) + r.eps;
            third[i] = r.momentum * third[i] + (tensorflow ? rate : 1) * g / root;
            w -= (tensorflow ? 1 : rate) * third[i];
        }
    }
};

std::vector<scalar_optimizer> all_scalars() {
    using kind = scalar_optimizer::kind;
    std::vector<scalar_optimizer> all{
        {kind::sgd, {}},         {kind::sgd, {0.9}},       {kind::sgd, {0.9, 0, true}},
        {kind::sgd, {0.9, 0.3}}, {kind::adam, {}, {}, {}}, {kind::adam, {}, {}, {0.8, 0.95, 1e-4, true}}};
    for (rmsprop_form form : {torch_form, tensorflow_form})
        for (double momentum : {0.0, 0.9})
            for (bool centered : {false, true})
                all.push_back({kind::rmsprop, {}, {0.9, 1e-3, momentum, centered, form}});
    return all;
}

maker making(const scalar_optimizer& o) {
    using kind = scalar_optimizer::kind;
    return o.what == kind::sgd    ? making<sgd>(o.s)
           : o.what == kind::adam ? making<adam>(o.a)
                                  : making<rmsprop>(o.r);
}

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

TEST_CASE("optimizers equal torch's and TensorFlow's, reference goldens") {
    const auto golden = shared_golden("components", "optimizers");
    if (!golden)
        return;
    const float wd = 0.01F;
    check_runs(*golden,
               {{"sgd", making<sgd>(sgd_settings{}), 0},
                {"sgd_momentum", making<sgd>(sgd_settings{0.9}), 0},
                {"sgd_momentum_wd", making<sgd>(sgd_settings{0.9}), wd},
                {"sgd_nesterov_wd", making<sgd>(sgd_settings{0.9, 0, true}), wd},
                {"sgd_dampening", making<sgd>(sgd_settings{0.9, 0.3}), 0},
                {"rmsprop_torch", rmsprop_of(0.9, 0.0316, 0.9, false, torch_form), wd},
                {"rmsprop_torch_plain", rmsprop_of(0.99, 1e-8, 0, false, torch_form), 0},
                {"rmsprop_torch_centered", rmsprop_of(0.9, 1e-3, 0.9, true, torch_form), 0},
                {"rmsprop_tf", rmsprop_of(0.9, 1e-3, 0.9, false, tensorflow_form), wd},
                {"rmsprop_tf_nomomentum", rmsprop_of(0.9, 1e-10, 0, false, tensorflow_form), 0},
                {"adam", making<adam>(adam_settings{}), 0},
                {"adam_wd", making<adam>(adam_settings{}), wd},
                {"adamw", making<adam>(adam_settings{0.9, 0.999, 1e-8, true}), wd},
                {"adamw_betas", making<adam>(adam_settings{0.8, 0.95, 1e-4, true}), 0.1F}},
               [](int) { return 0.05; });
}

TEST_CASE("optimizers equal torch's and TensorFlow's, own goldens") {
    const golden_case golden = own_golden("train", "optimizers");
    const float wd = 0.02F;
    check_runs(golden,
               {{"sgd", making<sgd>(sgd_settings{}), 0},
                {"sgd_momentum", making<sgd>(sgd_settings{0.8}), wd},
                {"sgd_nesterov", making<sgd>(sgd_settings{0.8, 0, true}), wd},
                {"sgd_dampening", making<sgd>(sgd_settings{0.8, 0.4}), 0},
                {"rmsprop", rmsprop_of(0.95, 1e-4, 0, false, torch_form), wd},
                {"rmsprop_momentum", rmsprop_of(0.9, 0.0316, 0.9, false, torch_form), wd},
                {"rmsprop_centered", rmsprop_of(0.9, 1e-2, 0, true, torch_form), 0},
                {"rmsprop_centered_momentum", rmsprop_of(0.9, 1e-2, 0.5, true, torch_form), 0},
                {"rmsprop_tf", rmsprop_of(0.9, 1e-3, 0, false, tensorflow_form), wd},
                {"rmsprop_tf_centered", rmsprop_of(0.9, 1e-3, 0, true, tensorflow_form), wd},
                {"rmsprop_tf_momentum", rmsprop_of(0.9, 1e-3, 0.9, false, tensorflow_form), wd},
                {"rmsprop_tf_centered_momentum", rmsprop_of(0.9, 1e-3, 0.9, true, tensorflow_form), wd},
                {"adam", making<adam>(adam_settings{}), wd},
                {"adamw", making<adam>(adam_settings{0.85, 0.9, 1e-3, true}), wd}},
               [](int t) { return 0.03 * std::pow(0.9, t); });
}

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
