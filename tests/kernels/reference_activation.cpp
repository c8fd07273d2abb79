#include <fovea/kernels/reference/activation.hpp>

#include "support/golden.hpp"

#include <catch2/catch.hpp>

#include <iterator>
#include <limits>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr activation functions[] = {activation::relu,      activation::relu6,   activation::hardsigmoid,
                                    activation::hardswish, activation::sigmoid, activation::silu,
                                    activation::softplus};

void check_against(const golden_case& golden, const std::vector<float>& x) {
    const std::vector<float> ones(x.size(), 1.0f);
    for (const activation function : functions) {
        std::vector<float> y(x.size()), gradient(x.size());
        reference::activate<float>(function, x, y);
        reference::activate_backward<float>(function, x, ones, gradient);
        CHECK(compare(golden.output(std::string(name_of(function))), {{x.size()}, y}));
        CHECK(compare(golden.output("grad_" + std::string(name_of(function))), {{x.size()}, gradient}));
    }
}

} // namespace

TEST_CASE("activations and their gradients agree with torch") {
    const golden_case own = own_golden("kernels", "activations");
    std::vector<float> x;
    for (double v : own.input("x").values)
        x.push_back(3 * static_cast<float>(v));
    const float kinks[] = {-6, -3, -0.0f, 0, 3, 6, 30, -30};
    x.insert(x.end(), std::begin(kinks), std::end(kinks));
    check_against(own, x);

    if (const auto shared = shared_golden("components", "activations")) {
        const auto values = shared->input("x").values;
        std::vector<float> given;
        for (double v : values)
            given.push_back(static_cast<float>(v));
        check_against(*shared, given);
    }
}

TEST_CASE("derivatives are the slopes away from the kinks") {
    const double h = 1e-6;
    for (const activation function : functions)
        for (double x : {-7.3, -2.2, -0.4, 0.7, 2.9, 4.4, 8.1}) {
            INFO(name_of(function) << " at " << x);
            const double slope =
                (reference::activate(function, x + h) - reference::activate(function, x - h)) / (2 * h);
            CHECK(reference::activation_derivative(function, x) == Approx(slope).margin(1e-8));
        }
    CHECK(reference::activate(activation::identity, -1.5) == -1.5);
    CHECK(reference::activation_derivative(activation::identity, -1.5) == 1.0);
}

TEST_CASE("activations stay finite for large inputs and pass not-a-number on") {
    for (const activation function : functions) {
        INFO(name_of(function));
        CHECK(std::isfinite(reference::activate(function, 1e30f)));
        CHECK(std::isfinite(reference::activate(function, -1e30f)));
        CHECK(std::isnan(reference::activate(function, std::numeric_limits<float>::quiet_NaN())));
    }
}
