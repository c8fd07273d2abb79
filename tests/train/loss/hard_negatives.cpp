#include <fovea/train/loss/hard_negatives.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace {

std::vector<int> mined(const std::vector<double>& losses, std::size_t count, std::vector<int> matches) {
    std::vector<std::uint32_t> order(losses.size());
    fovea::mine_hard_negatives<double>(losses, count, matches, order);
    return matches;
}

} // namespace

TEST_CASE("Hard negatives are those that a stable sort by loss puts first") {
    std::minstd_rand random(3);
    for (std::size_t size = 1; size < 60; ++size) {
        std::vector<double> losses(size);
        std::vector<int> matches(size);
        for (std::size_t i = 0; i < size; ++i) {
            losses[i] = static_cast<double>((random() >> 8U) % 7); // with ties
            matches[i] = static_cast<int>((random() >> 8U) % 4) - 2;
        }
        for (std::size_t count : {std::size_t{0}, std::size_t{1}, size / 4, size / 2, size, 3 * size}) {
            std::vector<std::size_t> order(size);
            std::iota(order.begin(), order.end(), std::size_t{0});
            std::stable_sort(order.begin(), order.end(),
                             [&](std::size_t a, std::size_t b) { return losses[a] > losses[b]; });
            std::vector<int> want = matches;
            std::size_t left = count;
            for (std::size_t a : order)
                if (want[a] == fovea::below_low_threshold && left > 0) {
                    want[a] = fovea::hard_negative;
                    --left;
                }
            CHECK(mined(losses, count, matches) == want);
        }
    }
}

TEST_CASE("NaN is harder than any number") {
    const double nan = std::nan("");
    CHECK(mined({1, nan, 1e300, nan}, 2, {-1, -1, -1, -1}) == std::vector<int>{-1, -3, -1, -3});
    CHECK(mined({nan, nan, nan}, 2, {-1, -1, -1}) == std::vector<int>{-3, -3, -1});
    CHECK(mined({}, 2, {}).empty());
}

TEST_CASE("Numbers of negatives are rounded up") {
    CHECK(fovea::hard_negative_count(3, 4) == 12);
    CHECK(fovea::hard_negative_count(1.5, 3) == 5);
    CHECK(fovea::hard_negative_count(3, 0) == 0);
}
