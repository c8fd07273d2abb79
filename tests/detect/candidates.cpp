#include <fovea/detect/candidates.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <set>
#include <tuple>
#include <vector>

namespace {

// Sorts as detections come: score down, label up, anchor up.
using candidate = std::tuple<float, std::size_t, std::size_t>; // -score, label, anchor

std::vector<candidate> best_of(fovea::candidate_rounds& rounds, float floor) {
    std::vector<candidate> best;
    rounds.visit_best(floor, [&](std::uint64_t c) {
        best.emplace_back(-rounds.code().score(c), rounds.code().label(c), rounds.code().anchor(c));
        return true;
    });
    return best;
}

// The best `topk` of each label.
std::vector<candidate> capped(std::vector<candidate> all, std::size_t topk) {
    std::sort(all.begin(), all.end());
    std::vector<std::size_t> counts(100);
    std::vector<candidate> best;
    for (const candidate& c : all)
        if (counts[std::get<1>(c)]++ < topk)
            best.push_back(c);
    return best;
}

} // namespace

TEST_CASE("Candidate codes hold any label and anchor that fit") {
    for (std::size_t anchors : {1U, 2U, 3U, 3234U, 4096U, 4097U}) {
        const fovea::candidate_code code(anchors);
        for (std::size_t label : {1U, 90U})
            for (std::size_t anchor : {std::size_t{0}, anchors / 2, anchors - 1}) {
                const std::uint64_t c = code.encode(0.25F, label, anchor);
                CHECK(code.score(c) == 0.25F);
                CHECK(code.label(c) == label);
                CHECK(code.anchor(c) == anchor);
            }
    }
    CHECK(fovea::candidate_code(std::size_t{1} << 24).fits(255));
    CHECK_FALSE(fovea::candidate_code(std::size_t{1} << 24).fits(256));
    CHECK_FALSE(fovea::candidate_code((std::size_t{1} << 32) + 1).fits(0));
}

TEST_CASE("Each label's best candidates come back in order, however many were added") {
    const std::size_t topk = GENERATE(1U, 3U, 40U, 1000U);
    const bool ties = GENERATE(false, true);
    const float floor = GENERATE(0.0F, 0.3F);
    constexpr std::size_t labels = 3, anchors = 500;
    CAPTURE(topk, ties, floor);
    std::mt19937 random(3);
    std::uniform_real_distribution<float> uniform(0, 1);
    fovea::candidate_rounds rounds(labels, anchors, topk);
    for (int repeat = 0; repeat < 2; ++repeat) {
        rounds.clear();
        std::vector<candidate> all;
        for (std::size_t anchor = 0; anchor < anchors; ++anchor)
            for (std::size_t label = 1; label <= labels; ++label) {
                const float score = ties ? 0.5F : floor + (1 - floor) * (1 - uniform(random));
                if (!(score > floor))
                    continue;
                all.emplace_back(-score, label, anchor);
                rounds.add(score, label, anchor, floor);
            }
        const std::vector<candidate> want = capped(all, topk);
        CHECK(rounds.count() == want.size());
        CHECK(best_of(rounds, floor) == want);
        CHECK(best_of(rounds, floor) == want);
    }
}

TEST_CASE("A label's places are shared by the rounds") {
    fovea::candidate_rounds rounds(2, 10, 3);
    rounds.clear();
    rounds.add(0.9F, 1, 0, 0.5F);
    rounds.add(0.8F, 1, 1, 0.5F);
    CHECK(best_of(rounds, 0.5F).size() == 2);
    rounds.end_round();
    CHECK(rounds.count() == 0);
    rounds.add(0.2F, 1, 2, 0.1F);
    rounds.add(0.3F, 1, 3, 0.1F);
    rounds.add(0.4F, 2, 3, 0.1F);
    CHECK(rounds.count() == 2);
    CHECK(best_of(rounds, 0.1F) == std::vector<candidate>{{-0.4F, 2, 3}, {-0.3F, 1, 3}});
    rounds.end_round();
    rounds.add(0.05F, 1, 4, 0);
    CHECK(rounds.count() == 0);
}
