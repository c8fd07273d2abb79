// Single initializers: spreads, bounds, fans, errors.
#include "init_case.hpp"

#include <fovea/train/init/initialize.hpp>

#include "support/golden.hpp"

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <limits>
#include <map>
#include <optional>

using namespace fovea;
using namespace fovea::test;

namespace {

struct initializer_case {
    initializer how;
    parameter_shape shape;
    double std;
    std::optional<double> bound; // of what has one
};

// By the names of the reference golden; spreads for [64, 32, 3, 3] (fan_in 288, fan_out 576) from torch's
// formulas.
std::map<std::string, initializer_case> initializer_cases() {
    const parameter_shape conv{{64, 32, 3, 3}, 4};
    const double of_288 = std::sqrt(1.0 / 288), of_576 = std::sqrt(2.0 / 576);
    return {
        {"kaiming_normal fan_out (MobileNetV2/V3, EfficientNet convs)",
         {init::kaiming_normal(fan::out), conv, of_576, {}}},
        {"kaiming_normal fan_in", {init::kaiming_normal(), conv, std::sqrt(2.0 / 288), {}}},
        {"kaiming_uniform a=1 (FPN convs)",
         {init::kaiming_uniform(fan::in, 1), conv, of_288, std::sqrt(3.0 / 288)}},
        {"kaiming_uniform a=sqrt5 (torch default conv/linear)",
         {init::kaiming_uniform(fan::in, std::sqrt(5.0)), conv, of_288 / std::sqrt(3.0), of_288}},
        {"xavier_uniform (SSD300 heads and extras)",
         {init::xavier_uniform(), conv, std::sqrt(2.0 / 864), std::sqrt(6.0 / 864)}},
        {"xavier_normal", {init::xavier_normal(), conv, std::sqrt(2.0 / 864), {}}},
        {"normal 0.03 (SSDLite)", {init::normal(0.03), conv, 0.03, {}}},
        {"normal 0.01 (MobileNet linear, RPN)", {init::normal(0.01), conv, 0.01, {}}},
        {"uniform 1/sqrt(out) (torchvision EfficientNet linear)",
         {policies::efficientnet[0].linear_weight, {{100, 1280}, 2}, 0.1 / std::sqrt(3.0), 0.1}},
        {"trunc_normal std 0.02 cut at +-2 (absolute)", {init::truncated_normal(0.02), conv, 0.02, 2.0}},
        {"variance scaling fan_in normal (zylo117 heads: std = sqrt(1/fan_in))",
         {init::variance_scaling(), conv, of_288, {}}},
        {"MXNet Xavier gaussian factor out magnitude 2 (GluonCV SSD)",
         {init::mxnet_xavier(), conv, of_576, {}}},
        {"Caffe xavier (fan_in uniform, DSOD/ScratchDet)",
         {init::caffe_xavier(), conv, of_288, std::sqrt(3.0 / 288)}},
        {"Caffe gaussian 0.01 (DSOD head convs with BN)", {init::normal(0.01), conv, 0.01, {}}},
    };
}

std::vector<float> drawn(const initializer& how, const parameter_shape& shape, std::uint64_t seed = 1) {
    std::vector<float> values(static_cast<std::size_t>(shape.size()));
    random_stream random(seed);
    fill(values, how, fans_of(shape), random);
    return values;
}

} // namespace

TEST_CASE("initializers have the spread that their formula says") {
    std::uint64_t seed = 0;
    for (const auto& [name, c] : initializer_cases()) {
        const std::vector<float> values = drawn(c.how, c.shape, ++seed);
        const statistics got = statistics_of(values);
        CAPTURE(name, got.mean, got.std, got.largest);
        CHECK(std::abs(got.mean) < 4 * c.std / std::sqrt(static_cast<double>(values.size())));
        CHECK(got.std == Approx(c.std).epsilon(0.03));
        if (c.how.shape == distribution::uniform) {
            CHECK(c.how.spread(fans_of(c.shape)) == Approx(*c.bound).epsilon(1e-12));
            CHECK(got.largest <= static_cast<double>(static_cast<float>(*c.bound)));
            CHECK(got.largest > 0.99 * *c.bound);
        } else {
            CHECK(c.how.spread(fans_of(c.shape)) == Approx(c.std).epsilon(1e-12));
            CHECK(got.largest > 3 * c.std);
        }
    }
}

TEST_CASE("initializers of the reference golden") {
    const auto goldens = golden_dir();
    if (!goldens)
        return;
    std::ifstream file(*goldens / "components" / "initializers" / "manifest.json");
    const nlohmann::json manifest = nlohmann::json::parse(file);
    const auto cases = initializer_cases();
    CHECK(manifest.at("initializers").size() == cases.size());
    for (const auto& entry : manifest.at("initializers")) {
        const auto found = cases.find(entry.at("name").get<std::string>());
        CAPTURE(entry.at("name").get<std::string>());
        REQUIRE(found != cases.end());
        const initializer_case& c = found->second;
        const auto shape = entry.at("shape").get<std::vector<int>>();
        CHECK(std::equal(shape.begin(), shape.end(), c.shape.extents.begin()));
        const double std = entry.at("expected_std").get<double>();
        const statistics got = statistics_of(drawn(c.how, c.shape));
        CHECK(c.std == Approx(std).epsilon(1e-12));
        CHECK(std::abs(got.mean - entry.at("expected_mean").get<double>()) <
              4 * std / std::sqrt(static_cast<double>(c.shape.size())));
        CHECK(got.std == Approx(std).epsilon(0.03));
        CHECK(c.bound.has_value() == !entry.at("expected_abs_max").is_null());
        if (c.bound) {
            const double bound = entry.at("expected_abs_max").get<double>();
            CHECK(*c.bound == Approx(bound).epsilon(1e-12));
            CHECK(got.largest <= bound * (1 + 1e-7));
        }
    }
}

TEST_CASE("a truncated normal stays within its cut") {
    const statistics got = statistics_of(drawn(init::truncated_normal(1, 1.5), {{100, 100}, 2}));
    CHECK(got.largest <= 1.5);
    CHECK(got.largest > 1.49);
    CHECK(got.std == Approx(0.7425).epsilon(0.03)); // of a normal cut at 1.5
}

TEST_CASE("fans are counted as torch counts them") {
    STATIC_REQUIRE(fans_of({{64, 32, 3, 5}, 4}).in == 480);
    STATIC_REQUIRE(fans_of({{64, 32, 3, 5}, 4}).out == 960);
    STATIC_REQUIRE(fans_of({{64, 1, 3, 3}, 4}).in == 9); // depthwise
    STATIC_REQUIRE(fans_of({{64, 1, 3, 3}, 4}).out == 576);
    STATIC_REQUIRE(fans_of({{10, 20}, 2}).in == 20);
    STATIC_REQUIRE(fans_of({{10, 20}, 2}).out == 10);
}

TEST_CASE("initializers that make no sense are refused") {
    random_stream random;
    std::vector<float> values(3);
    const double nan = std::numeric_limits<double>::quiet_NaN();
    CHECK_THROWS_AS(fill(values, init::normal(-1), {}, random), input_error);
    CHECK_THROWS_AS(fill(values, init::normal(nan), {}, random), input_error);
    CHECK_THROWS_AS(fill(values, init::constant(HUGE_VAL), {}, random), input_error);
    CHECK_THROWS_AS(fill(values, init::truncated_normal(1, 1e-9), {}, random), input_error);
    CHECK_THROWS_AS(fill(values, init::truncated_normal(1, nan), {}, random), input_error);
    CHECK(values == std::vector<float>(3));
    fill(values, init::truncated_normal(0, 0), {}, random);
    CHECK(values == std::vector<float>(3));
    fill(values, init::constant(-2), {}, random);
    CHECK(values == std::vector<float>(3, -2));
    CHECK(init::normal(1).spread({0, 0}) == 1);
    CHECK(init::kaiming_normal().spread({0, 0}) == Approx(std::sqrt(2.0)));
}
