#include "data.hpp"

#include <fovea/detect/score_rules.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace fovea::test;

TEST_CASE("Class scores are read as GluonCV's decoders read them") {
    const auto golden = shared_golden("components", "decoder_gluoncv");
    if (!golden)
        return;
    const array probabilities = golden->input("probabilities"); // [2, 12, 6]: two images
    const std::vector<float> p = numbers<float>(probabilities);
    for (const auto& [suffix, threshold] : {std::pair("_001", 0.01F), std::pair("_030", 0.3F)}) {
        std::vector<std::int64_t> best_ids(24), ids(24 * 5);
        std::vector<float> best_scores(24), scores(24 * 5);
        fovea::best_class_scores({p.data(), {24, 6}}, threshold, best_ids, best_scores);
        fovea::every_class_scores({p.data(), {24, 6}}, threshold, {ids.data(), {24, 5}},
                                  {scores.data(), {24, 5}});
        const auto full = [&, s = std::string(suffix)](const char* name) {
            return *golden->output(name + s).full;
        };
        CHECK(best_ids == numbers<std::int64_t>(full("multiclass_id")));
        CHECK(best_scores == numbers<float>(full("multiclass_score")));
        CHECK(ids == numbers<std::int64_t>(full("perclass_id")));
        CHECK(scores == numbers<float>(full("perclass_score")));
    }
}

TEST_CASE("The first of equal classes is the best one, and NaN is never above a threshold") {
    constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
    const std::vector<float> p{0.2F, 0.4F, 0.4F, not_a_number, not_a_number, not_a_number};
    std::vector<std::int64_t> ids(2), all_ids(4);
    std::vector<float> scores(2), all_scores(4);
    fovea::best_class_scores({p.data(), {2, 3}}, 0.1F, ids, scores);
    CHECK(ids == std::vector<std::int64_t>{0, fovea::no_class});
    CHECK(scores == std::vector<float>{0.4F, 0});
    fovea::every_class_scores({p.data(), {2, 3}}, 0.4F, {all_ids.data(), {2, 2}},
                              {all_scores.data(), {2, 2}});
    CHECK(all_ids == std::vector<std::int64_t>(4, fovea::no_class));
    CHECK_THROWS_AS(fovea::best_class_scores({p.data(), {6, 1}}, 0.1F, ids, scores), fovea::input_error);
    CHECK_THROWS_AS(fovea::every_class_scores({p.data(), {3, 2}}, 0.1F, {all_ids.data(), {2, 2}},
                                              {all_scores.data(), {2, 2}}),
                    fovea::input_error);
}
