// What the tests of losses and targets share: arrays of goldens as spans, and derivatives by finite
// differences.
#pragma once

#include "detect/data.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

namespace fovea::test {

// The repository's own copy in miniature of a reference golden, tests/data/train/loss/<name>.json, and the
// reference's where it is there.
inline std::vector<golden_case> loss_goldens(const std::string& name) {
    std::vector<golden_case> cases{own_golden("train/loss", name)};
    if (auto shared = shared_golden("components", name))
        cases.push_back(std::move(*shared));
    return cases;
}

template <class Values>
array shaped(const golden_output& like, const Values& values) {
    array a = to_array_1d(values);
    a.shape = like.shape;
    return a;
}

template <class Values>
void check_golden(const golden_case& golden, const std::string& name, const Values& values) {
    CAPTURE(golden.folder.string(), name);
    const golden_output& want = golden.output(name);
    CHECK(compare(want, shaped(want, values)));
}

inline void check_golden(const golden_case& golden, const std::string& name, double value) {
    check_golden(golden, name, std::vector<double>{value});
}

inline std::vector<double> normal_numbers(std::size_t count, unsigned seed, double scale = 1) {
    std::mt19937 random(seed);
    std::normal_distribution<double> normal(0, scale);
    std::vector<double> values(count);
    for (double& v : values)
        v = normal(random);
    return values;
}

// Checks `gradient` against central differences of loss(x) at every `step`-th place.
template <class Loss>
void check_gradient(const std::vector<double>& x, const std::vector<double>& gradient, Loss&& loss,
                    std::size_t step = 1) {
    REQUIRE(gradient.size() == x.size());
    std::vector<double> moved = x;
    for (std::size_t i = 0; i < x.size(); i += step) {
        const double h = 1e-6 * std::max(1.0, std::abs(x[i]));
        moved[i] = x[i] + h;
        const double above = loss(moved);
        moved[i] = x[i] - h;
        const double below = loss(moved);
        moved[i] = x[i];
        CAPTURE(i);
        CHECK(gradient[i] == Approx((above - below) / (2 * h)).epsilon(1e-6).margin(1e-8));
    }
}

} // namespace fovea::test
