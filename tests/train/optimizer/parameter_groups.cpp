#include <fovea/train/optimizer/parameter_groups.hpp>

#include "train/graphs.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <limits>
#include <stdexcept>

using namespace fovea;

namespace {

const graph_view network = test::graph_of<tables::mobilenet_v3_small>();

// The range that holds the first number of a parameter.
const parameter_range& range_of(const std::vector<parameter_range>& ranges, graph_view g,
                                std::string_view key) {
    std::size_t place = 0, found = 0;
    for_each_parameter(g, [&](const parameter& p) {
        if (key_of(g, p).view() == key)
            found = place;
        place += is_buffer(p.kind) ? 0 : static_cast<std::size_t>(p.dims.size());
    });
    for (const parameter_range& r : ranges)
        if (found < r.end())
            return r;
    throw std::out_of_range("no such parameter");
}

std::size_t numbers_with(const std::vector<parameter_range>& ranges, float weight_decay) {
    std::size_t count = 0;
    for (const parameter_range& r : ranges)
        count += r.weight_decay == weight_decay ? r.size : 0;
    return count;
}

std::size_t count_of(graph_view g, std::initializer_list<parameter_kind> kinds) {
    std::size_t count = 0;
    for_each_parameter(g, [&](const parameter& p) {
        for (parameter_kind kind : kinds)
            count += p.kind == kind ? static_cast<std::size_t>(p.dims.size()) : 0;
    });
    return count;
}

} // namespace

TEST_CASE("without exceptions all parameters are one range") {
    const auto ranges = group_parameters(network, {1e-5F});
    REQUIRE(ranges.size() == 1);
    CHECK(ranges[0].size == static_cast<std::size_t>(count_parameters(network)));
    CHECK(ranges[0].weight_decay == 1e-5F);
    CHECK(ranges[0].learning_rate_scale == 1);
    CHECK_FALSE(ranges[0].frozen);
}

TEST_CASE("norms and biases have a weight decay of their own") {
    using k = parameter_kind;
    parameter_grouping grouping{1};
    grouping.norm_weight_decay = 0.0F;
    auto ranges = group_parameters(network, grouping);
    CHECK(check_ranges(ranges) == static_cast<std::size_t>(count_parameters(network)));
    CHECK(numbers_with(ranges, 0) == count_of(network, {k::norm_weight, k::norm_bias}));
    CHECK(range_of(ranges, network, "features.0.1.weight").weight_decay == 0);
    CHECK(range_of(ranges, network, "features.0.1.bias").weight_decay == 0);
    CHECK(range_of(ranges, network, "classifier.3.bias").weight_decay == 1);
    // Neighbours that are treated alike have been joined.
    for (std::size_t i = 1; i < ranges.size(); ++i)
        CHECK_FALSE(ranges[i].same_treatment(ranges[i - 1]));

    grouping.bias_weight_decay = 0.5F; // every bias, of norms too, as torchvision's custom keys
    ranges = group_parameters(network, grouping);
    CHECK(numbers_with(ranges, 0) == count_of(network, {k::norm_weight}));
    CHECK(numbers_with(ranges, 0.5F) == count_of(network, {k::bias, k::norm_bias}));
    CHECK(numbers_with(ranges, 1) == count_of(network, {k::weight}));
}

TEST_CASE("parameters are frozen and given learning rates by the beginning of their keys") {
    const graph_view detector = test::graph_of<tables::ssdlite320_mobilenet_v3_large>();
    parameter_grouping grouping;
    grouping.frozen = {"backbone.features.0.1", "head.regression_head."};
    grouping.learning_rate_scales = {{"", 0.5F}, {"backbone", 0.1F}, {"backbone.extra.0", 2}};
    const auto ranges = group_parameters(detector, grouping);
    CHECK(check_ranges(ranges) == static_cast<std::size_t>(count_parameters(detector)));
    const auto in = [&](const char* key) { return range_of(ranges, detector, key); };
    CHECK(in("backbone.features.0.1.block.0.0.weight").frozen);
    CHECK_FALSE(in("backbone.features.0.10.block.0.0.weight").frozen); // 10 is not a child of 1
    CHECK_FALSE(in("backbone.features.0.0.0.weight").frozen);
    CHECK(in("head.regression_head.module_list.0.1.bias").frozen);
    CHECK(in("head.classification_head.module_list.0.1.bias").learning_rate_scale == 0.5F);
    CHECK(in("backbone.features.0.0.0.weight").learning_rate_scale == 0.1F);
    CHECK(in("backbone.extra.0.0.0.weight").learning_rate_scale == 2);
    CHECK(in("backbone.extra.1.0.0.weight").learning_rate_scale == 0.1F);
}

TEST_CASE("a prefix of no parameter, and settings that are no numbers, are refused") {
    parameter_grouping grouping;
    grouping.frozen = {"backbone"};
    CHECK_THROWS_WITH(group_parameters(network, grouping), Catch::Contains("'backbone'"));
    grouping.frozen = {"features.0.1.running_mean"}; // a buffer
    CHECK_THROWS_AS(group_parameters(network, grouping), input_error);
    grouping.frozen = {};
    grouping.learning_rate_scales = {{"features", 1}, {"head", 2}};
    CHECK_THROWS_WITH(group_parameters(network, grouping), Catch::Contains("'head'"));
    grouping.learning_rate_scales = {{"features", -1}};
    CHECK_THROWS_AS(group_parameters(network, grouping), input_error);
    CHECK_THROWS_AS(group_parameters(network, {std::numeric_limits<float>::quiet_NaN()}), input_error);
}

TEST_CASE("a place in the flat array has a key") {
    CHECK(key_at(network, 0) == "features.0.0.weight");
    CHECK(key_at(network, 16 * 27 - 1) == "features.0.0.weight");
    CHECK(key_at(network, 16 * 27) == "features.0.1.weight");
    CHECK(key_at(network, 16 * 27 + 16) == "features.0.1.bias");
    const auto all = static_cast<std::size_t>(count_parameters(network));
    CHECK(key_at(network, all - 1) == "classifier.3.bias");
    CHECK(key_at(network, all).empty());
}

TEST_CASE("ranges are cut at any places") {
    const std::vector<parameter_range> ranges{{0, 3, 1}, {3, 0, 2}, {3, 4, 3}, {7, 2, 4}};
    const auto parts = [&](std::size_t begin, std::size_t end) {
        std::vector<std::array<std::size_t, 3>> all;
        for_each_part(ranges, begin, end, [&](const parameter_range& r, std::size_t first, std::size_t last) {
            all.push_back({static_cast<std::size_t>(r.weight_decay), first, last});
        });
        return all;
    };
    using list = std::vector<std::array<std::size_t, 3>>;
    CHECK(parts(0, 9) == list{{1, 0, 3}, {3, 3, 7}, {4, 7, 9}});
    CHECK(parts(3, 4) == list{{3, 3, 4}});
    CHECK(parts(2, 8) == list{{1, 2, 3}, {3, 3, 7}, {4, 7, 8}});
    CHECK(parts(9, 9).empty());
    CHECK(parts(4, 4).empty());
    CHECK_THROWS_WITH(check_ranges(std::vector<parameter_range>{{0, 3}, {2, 4}}),
                      Catch::Contains("offset 3"));
}

TEST_CASE("key prefixes end where a module's name ends") {
    STATIC_REQUIRE(has_key_prefix("a.1.weight", "a.1"));
    STATIC_REQUIRE(has_key_prefix("a.1.weight", "a.1."));
    STATIC_REQUIRE(has_key_prefix("a.1.weight", "a.1.weight"));
    STATIC_REQUIRE(has_key_prefix("a.1.weight", ""));
    STATIC_REQUIRE(has_key_prefix("a.1.weight", "."));
    STATIC_REQUIRE_FALSE(has_key_prefix("a.10.weight", "a.1"));
    STATIC_REQUIRE_FALSE(has_key_prefix("a", "a.1"));
    STATIC_REQUIRE_FALSE(has_key_prefix("", "a"));
}
