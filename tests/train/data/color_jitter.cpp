#include <fovea/train/data/color_jitter.hpp>

#include <catch2/catch.hpp>

#include <array>
#include <cmath>
#include <map>

using namespace fovea;

namespace {

constexpr std::uint64_t color_draws = 4000;

bool is_share(std::size_t count, double probability) {
    const double mean = probability * static_cast<double>(color_draws);
    return std::abs(static_cast<double>(count) - mean) < 5 * std::sqrt(mean * (1 - probability));
}

} // namespace

TEST_CASE("color jitter draws each change once, in any order, within its range") {
    const color_jitter jitter{{0.8F, 1.2F}, {0.7F, 1.3F}, {0.6F, 1.4F}, {-0.1F, 0.1F}};
    std::map<color_op, std::size_t> first;
    double brightness = 0;
    for (std::uint64_t i = 0; i < color_draws; ++i) {
        random_stream random(1, i);
        const auto changes = draw(jitter, random);
        REQUIRE(changes.size() == 4);
        ++first[changes[0].op];
        for (const color_change& change : changes) {
            const float far = change.op == color_op::brightness   ? 0.2F
                              : change.op == color_op::contrast   ? 0.3F
                              : change.op == color_op::saturation ? 0.4F
                                                                  : 0.1F;
            const float neutral = change.op == color_op::hue ? 0.0F : 1.0F;
            REQUIRE(std::abs(change.amount - neutral) <= far + 1e-6F);
            if (change.op == color_op::brightness)
                brightness += static_cast<double>(change.amount);
        }
    }
    REQUIRE(first.size() == 4);
    for (const auto& [op, count] : first)
        CHECK(is_share(count, 0.25));
    CHECK(brightness / static_cast<double>(color_draws) == Approx(1).margin(0.01));
}

TEST_CASE("ranges of only the neutral factor are left out") {
    random_stream random;
    CHECK(draw(color_jitter{}, random).empty());
    const auto only = draw(color_jitter{{}, {}, {}, {0.1F, 0.1F}}, random);
    REQUIRE(only.size() == 1);
    CHECK(only[0].op == color_op::hue);
    CHECK(only[0].amount == 0.1F);
}

TEST_CASE("photometric distortion: each change with one half, contrast early or late") {
    std::map<color_op, std::size_t> counts;
    std::size_t contrast_first = 0, moved = 0;
    for (std::uint64_t i = 0; i < color_draws; ++i) {
        random_stream random(2, i);
        const auto changes = draw(photometric_distort{}, random);
        bool saw_color = false;
        for (const color_change& change : changes) {
            ++counts[change.op];
            saw_color = saw_color || change.op == color_op::saturation || change.op == color_op::hue;
            contrast_first += change.op == color_op::contrast && !saw_color ? 1U : 0U;
            if (change.op == color_op::channel_order) {
                auto sorted = change.order;
                moved += change.order != std::array<std::size_t, 3>{0, 1, 2} ? 1U : 0U;
                std::sort(sorted.begin(), sorted.end());
                REQUIRE(sorted == std::array<std::size_t, 3>{0, 1, 2});
            }
        }
    }
    for (const color_op op : {color_op::brightness, color_op::contrast, color_op::saturation, color_op::hue,
                              color_op::channel_order})
        CHECK(is_share(counts[op], 0.5));
    // Half of the contrasts come first, and of the others those without saturation and hue.
    CHECK(is_share(contrast_first, 0.25 + 0.25 * 0.25));
    CHECK(is_share(moved, 0.5 * 5 / 6));
}
