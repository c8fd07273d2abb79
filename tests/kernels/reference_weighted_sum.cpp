#include <fovea/kernels/reference/weighted_sum.hpp>

#include "finite_differences.hpp"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

using doubles = std::vector<double>;

doubles numbers(std::size_t count, double first) {
    doubles n;
    for (std::size_t i = 0; i < count; ++i)
        n.push_back(std::sin(first + 2.3 * static_cast<double>(i)));
    return n;
}

template <class T>
std::vector<span<T>> views_of(std::vector<doubles>& maps) {
    return {maps.begin(), maps.end()};
}

} // namespace

TEST_CASE("the factors of a weighted sum are the paper's") {
    const doubles w{0.5, -0.2, 1.5};
    const doubles fast = reference::sum_factors<double>(weighting::fast, w);
    CHECK(fast[0] == Approx(0.5 / 2.0001));
    CHECK(fast[1] == 0);
    CHECK(fast[2] == Approx(1.5 / 2.0001));
    const doubles softmax = reference::sum_factors<double>(weighting::softmax, w);
    CHECK(softmax[0] + softmax[1] + softmax[2] == Approx(1));
    CHECK(softmax[2] / softmax[0] == Approx(std::exp(1.0)));
    CHECK(reference::sum_factors<double>(weighting::none, w) == doubles{1, 1, 1});
}

TEST_CASE("gradients of weighted sums are finite differences") {
    for (weighting how : {weighting::fast, weighting::softmax, weighting::none})
        for (std::size_t count : {2U, 3U}) {
            INFO("weighting " << static_cast<int>(how) << ", " << count << " maps");
            doubles weight{0.7, -0.3, 1.2}, upstream = numbers(10, 0.3);
            weight.resize(count);
            std::vector<doubles> maps, gradients(count, doubles(10));
            for (std::size_t i = 0; i < count; ++i)
                maps.push_back(numbers(10, static_cast<double>(i)));
            doubles weight_gradient(count);
            reference::weighted_sum_backward<double>(views_of<const double>(maps), how, weight, upstream,
                                                     views_of<double>(gradients), weight_gradient);
            const auto loss = [&] {
                doubles y(10);
                reference::weighted_sum<double>(views_of<const double>(maps), how, weight, y);
                return dot(y, upstream);
            };
            check_gradient("weight", weight, weight_gradient, loss);
            for (std::size_t i = 0; i < count; ++i)
                check_gradient("map", maps[i], gradients[i], loss);
        }
}

TEST_CASE("weighted sums refuse maps of other sizes and other counts of weights") {
    std::vector<doubles> maps{doubles(4), doubles(5)};
    doubles y(4);
    CHECK_THROWS_AS(
        reference::weighted_sum<double>(views_of<const double>(maps), weighting::fast, doubles{1, 1}, y),
        input_error);
    maps[1].resize(4);
    CHECK_THROWS_AS(
        reference::weighted_sum<double>(views_of<const double>(maps), weighting::fast, doubles{1}, y),
        input_error);
    CHECK_NOTHROW(
        reference::weighted_sum<double>(views_of<const double>(maps), weighting::fast, doubles{1, 1}, y));
}
