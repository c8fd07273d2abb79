#include "train/loss/data.hpp"

#include <fovea/detect/efficientdet_anchors.hpp>
#include <fovea/train/loss/efficientdet_reference.hpp>
#include <fovea/train/target/match_efficientdet.hpp>

using fovea::between_thresholds;
using fovea::box;
using fovea::efficientdet_matching;
using namespace fovea::test;

namespace {

struct efficientdet_matches {
    std::vector<int> matches;
    std::vector<float> overlaps;
};

efficientdet_matches match_all(const std::vector<box>& anchors, const std::vector<box>& objects,
                               const efficientdet_matching& rule) {
    std::vector<float> areas;
    for (const box& anchor : anchors)
        areas.push_back(area(anchor));
    efficientdet_matches out{std::vector<int>(anchors.size(), 77), std::vector<float>(anchors.size(), 77)};
    fovea::match_efficientdet(anchors, areas, objects, rule, out.matches, out.overlaps);
    return out;
}

// The goldens' word: 1 positive, 0 negative, -1 ignored.
std::vector<int> states(const std::vector<int>& matches) {
    std::vector<int> result;
    for (int match : matches)
        result.push_back(match >= 0 ? 1 : match == between_thresholds ? -1 : 0);
    return result;
}

void check_zylo117(const golden_case& golden, const std::vector<box>& anchors) {
    const std::vector<box> objects = boxes(golden.input("gt"));
    const efficientdet_matches got = match_all(anchors, objects, {});
    check_golden(golden, "iou_max", got.overlaps);
    check_golden(golden, "state", states(got.matches));
    check_golden(golden, "assigned", match_all(anchors, objects, {0, 0, false}).matches);
}

} // namespace

TEST_CASE("Matches are those of EfficientDet's ports") {
    fovea::efficientdet_anchor_table table;
    table.min_level = 4;
    table.max_level = 5;
    const std::vector<box> anchors = fovea::efficientdet_anchors(table, {32, 32}).to_vector();
    const golden_case own = own_golden("train/loss", "matcher_efficientdet");
    check_zylo117(own, anchors);
    check_golden(own, "effdet",
                 match_all(anchors, boxes(own.input("gt")), efficientdet_matching::effdet()).matches);
    if (const auto golden = shared_golden("components", "matcher_efficientdet"))
        check_zylo117(*golden, fovea::efficientdet_anchors({}, {128, 128}).to_vector());
}

TEST_CASE("EfficientDet's matches without a matrix equal those with one, ties included") {
    for (unsigned seed = 1; seed < 60; ++seed) {
        std::minstd_rand random(seed);
        const auto draw = [&](std::size_t count) { // on a coarse grid, so that overlaps tie exactly
            std::vector<box> boxes;
            for (std::size_t i = 0; i < count; ++i) {
                const auto side = [&](unsigned most) {
                    return static_cast<float>(8 * ((random() >> 8U) % most));
                };
                const float x = side(6), y = side(6);
                boxes.push_back({x, y, x + 8 + side(4), y + 8 + side(4)});
            }
            return boxes;
        };
        const std::vector<box> anchors = draw(1 + seed % 40), objects = draw(seed % 9);
        for (const efficientdet_matching& rule : {efficientdet_matching{}, efficientdet_matching::effdet(),
                                                  efficientdet_matching{0.6F, 0.2F, true}}) {
            CAPTURE(seed, rule.positive, rule.forced);
            CHECK(match_all(anchors, objects, rule).matches ==
                  fovea::loss_detail::efficientdet_choices(anchors, objects, rule));
        }
    }
}

TEST_CASE("Forced matches: the first of objects that want one anchor gets it") {
    const std::vector<box> anchors{{0, 0, 10, 10}, {100, 100, 110, 110}};
    const std::vector<box> objects{{0, 0, 4, 4}, {0, 0, 9, 9}, {50, 50, 60, 60}};
    const int below = fovea::below_low_threshold;
    CHECK(match_all(anchors, objects, {}).matches == std::vector<int>{1, below});
    CHECK(match_all(anchors, objects, efficientdet_matching::effdet()).matches == std::vector<int>{0, below});
    CHECK(match_all(anchors, {}, efficientdet_matching::effdet()).overlaps == std::vector<float>{0, 0});
    CHECK(match_all({}, objects, efficientdet_matching::effdet()).matches.empty());
}
