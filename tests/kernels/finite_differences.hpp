// Gradients beside finite differences in double: whether a backward function belongs to its forward function.
#pragma once

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

namespace fovea::test {

// Moves each number of x a little to both sides; `loss` reads x. The differences must be `gradient`, within
// 1e-6 of its largest magnitude.
template <class Loss>
void check_gradient(const char* what, std::vector<double>& x, const std::vector<double>& gradient,
                    const Loss& loss) {
    constexpr double step = 1e-5;
    INFO(what);
    REQUIRE(x.size() == gradient.size());
    double scale = 1;
    for (double g : gradient)
        scale = std::max(scale, std::abs(g));
    for (std::size_t i = 0; i < x.size(); ++i) {
        const double here = x[i];
        x[i] = here + step;
        const double above = loss();
        x[i] = here - step;
        const double below = loss();
        x[i] = here;
        INFO("number " << i);
        CHECK(std::abs((above - below) / (2 * step) - gradient[i]) <= 1e-6 * scale);
    }
}

// The product of what a function makes and a constant upstream gradient: the loss whose gradients backward
// functions give.
inline double dot(const std::vector<double>& a, const std::vector<double>& b) {
    double sum = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        sum += a[i] * b[i];
    return sum;
}

} // namespace fovea::test
