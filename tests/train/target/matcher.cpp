#include "train/loss/data.hpp"

#include <fovea/train/target/gluoncv_matcher.hpp>
#include <fovea/train/target/match_ssd.hpp>
#include <fovea/train/target/matcher.hpp>

#include <limits>

using fovea::below_low_threshold;
using fovea::between_thresholds;
using fovea::box;
using fovea::input_error;
using fovea::matcher;
using fovea::ssd_matcher;
using namespace fovea::test;

namespace {

std::vector<float> overlaps_of(const std::vector<box>& objects, const std::vector<box>& anchors) {
    std::vector<float> overlaps(objects.size() * anchors.size());
    fovea::box_iou(objects, anchors, overlaps);
    return overlaps;
}

std::vector<int> match_ssd(const std::vector<box>& objects, const std::vector<box>& anchors,
                           float threshold) {
    std::vector<float> areas, memory(anchors.size());
    for (const box& anchor : anchors)
        areas.push_back(area(anchor));
    std::vector<int> matches(anchors.size());
    fovea::match_ssd(anchors, areas, objects, threshold, matches, memory);
    return matches;
}

template <class Matcher>
std::vector<int> matched(const Matcher& match, const std::vector<float>& overlaps, std::size_t anchors) {
    std::vector<int> matches(anchors, 77);
    match(overlaps, matches);
    return matches;
}

// Boxes on a coarse grid, so that overlaps tie exactly.
std::vector<box> coarse_boxes(std::size_t count, unsigned seed) {
    std::minstd_rand random(seed);
    std::vector<box> boxes;
    for (std::size_t i = 0; i < count; ++i) {
        const auto draw = [&](unsigned sides) {
            return static_cast<float>(8 * (random() >> 8U) % (8 * sides));
        };
        const float x = draw(6), y = draw(6);
        boxes.push_back({x, y, x + 8 + draw(4), y + 8 + draw(4)});
    }
    return boxes;
}

} // namespace

TEST_CASE("Matches are torchvision's and GluonCV's") {
    for (const golden_case& golden : loss_goldens("matcher")) {
        const std::vector<box> anchors = boxes(golden.input("anchors")), objects = boxes(golden.input("gt"));
        const std::vector<float> overlaps = overlaps_of(objects, anchors);
        check_golden(golden, "iou", overlaps);
        const auto check = [&](const char* name, const auto& match) {
            check_golden(golden, name, matched(match, overlaps, anchors.size()));
        };
        check("rpn_07_03_lowq", matcher{0.7F, 0.3F, true});
        check("box_05_05", matcher{0.5F, 0.5F});
        check("between_06_04", matcher{0.6F, 0.4F});
        check("ssd_05", ssd_matcher{0.5F});
        check("ssd_03", ssd_matcher{0.3F});
        check_golden(golden, "ssd_05", match_ssd(objects, anchors, 0.5F));
        check_golden(golden, "ssd_03", match_ssd(objects, anchors, 0.3F));
        check("gluoncv_05", [](const auto& o, auto& m) { fovea::composite_match(o, m, 0.5F); });
    }
}

TEST_CASE("SSD's matches without a matrix equal those with one, ties included") {
    for (unsigned seed = 1; seed < 60; ++seed) {
        const std::vector<box> anchors = coarse_boxes(1 + seed % 40, seed),
                               objects = coarse_boxes(seed % 9, 99 - seed);
        CAPTURE(seed);
        for (float threshold : {0.0F, 0.3F, 0.5F, 1.0F})
            CHECK(match_ssd(objects, anchors, threshold) ==
                  matched(ssd_matcher{threshold}, overlaps_of(objects, anchors), anchors.size()));
    }
}

TEST_CASE("Rules of torchvision's matchers on ties and low overlaps") {
    const std::vector<float> overlaps{0.2F, 0.6F, 0.6F, 0.0F,  //
                                      0.2F, 0.6F, 0.1F, 0.3F}; // [objects, anchors]
    const int below = below_low_threshold, between = between_thresholds;
    CHECK(matched(matcher{0.6F, 0.3F}, overlaps, 4) == std::vector<int>{below, 0, 0, between});
    // Anchors 1 and 2 are the best of object 0, anchor 1 of object 1; it keeps the first of its equals.
    CHECK(matched(matcher{0.7F, 0.3F, true}, overlaps, 4) == std::vector<int>{below, 0, 0, between});
    CHECK(matched(ssd_matcher{0.6F}, overlaps, 4) == std::vector<int>{below, 1, 0, below});
    CHECK(matched(ssd_matcher{0.1F}, overlaps, 4) == std::vector<int>{0, 1, 0, 1});
    // Objects that overlap nothing take the first anchor; the last one stays.
    CHECK(matched(ssd_matcher{0.5F}, {0, 0, 0, 0}, 2) == std::vector<int>{1, below});
    const float nan = std::numeric_limits<float>::quiet_NaN();
    CHECK(matched(matcher{0.5F, 0.5F}, {nan, 0.6F}, 2) == std::vector<int>{below, 0});
}

TEST_CASE("Rules of GluonCV's matchers") {
    // Object 0 wants anchor 0 most, object 1 too: the larger overlap gets it, the other one its next anchor.
    const std::vector<float> overlaps{0.7F, 0.4F, 0.6F, //
                                      0.8F, 0.3F, 0.5F};
    const auto bipartite = [](const auto& o, auto& m) { fovea::bipartite_match(o, m); };
    const auto maximum = [](const auto& o, auto& m) { fovea::maximum_match(o, m, 0.5F); };
    const auto composite = [](const auto& o, auto& m) { fovea::composite_match(o, m, 0.4F); };
    const int none = below_low_threshold;
    CHECK(matched(bipartite, overlaps, 3) == std::vector<int>{1, none, 0});
    CHECK(matched(maximum, overlaps, 3) == std::vector<int>{1, none, 0});
    CHECK(matched(composite, overlaps, 3) == std::vector<int>{1, 0, 0});
    // Equal overlaps: the first anchor, then the first object. No overlap, no match.
    CHECK(matched(bipartite, {0.5F, 0.5F, 0.5F, 0.5F}, 2) == std::vector<int>{0, 1});
    CHECK(matched(bipartite, {0, 0.5F, 0, 0.5F}, 2) == std::vector<int>{none, 0});
    CHECK(matched(bipartite, {0.1F, 0.2F, 0.3F}, 1) == std::vector<int>{2}); // more objects than anchors
}

TEST_CASE("No objects match nothing, no anchors are no error") {
    const std::vector<int> none(5, below_low_threshold);
    CHECK(matched(matcher{0.5F, 0.4F, true}, {}, 5) == none);
    CHECK(matched(ssd_matcher{}, {}, 5) == none);
    CHECK(match_ssd({}, coarse_boxes(5, 1), 0.5F) == none);
    CHECK(match_ssd(coarse_boxes(2, 1), {}, 0.5F).empty());
    CHECK(matched([](const auto& o, auto& m) { fovea::composite_match(o, m); }, {}, 5) == none);
    CHECK(matched(ssd_matcher{}, {}, 0).empty());
}

TEST_CASE("Matchers refuse sizes that do not fit and thresholds out of order") {
    std::vector<int> matches(3);
    std::vector<float> four(4), three(3);
    CHECK_THROWS_WITH(ssd_matcher{}(four, matches), "matcher: 4 overlaps are no multiple of 3 anchors");
    CHECK_THROWS_AS(fovea::bipartite_match(four, matches), input_error);
    CHECK_THROWS_AS(fovea::composite_match(four, matches), input_error);
    CHECK_THROWS_AS(fovea::maximum_match(three, {}), input_error);
    CHECK_THROWS_AS((matcher{0.3F, 0.5F}(three, matches)), input_error);
    CHECK_THROWS_AS((matcher{std::nanf(""), 0.5F}(three, matches)), input_error);
    CHECK_THROWS_AS(fovea::box_iou(coarse_boxes(2, 1), coarse_boxes(2, 2), three), input_error);
}
