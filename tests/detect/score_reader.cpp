#include <fovea/detect/score_reader.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <map>
#include <random>
#include <vector>

namespace {

using fovea::score_rule;

struct random_logits {
    std::size_t anchors, classes;
    std::vector<float> values;

    random_logits(std::size_t a, std::size_t c) : anchors(a), classes(c) {
        std::mt19937 random(static_cast<unsigned>(a + c));
        std::normal_distribution<float> normal;
        for (std::size_t i = 0; i < a * c; ++i)
            values.push_back(3 * normal(random) + (i % c == 0 ? 9.0F : 0.0F));
    }

    // (anchor, label) to score, of those inside the window.
    std::map<std::pair<std::size_t, std::size_t>, float> inside(fovea::score_window window,
                                                                score_rule rule) const {
        std::map<std::pair<std::size_t, std::size_t>, float> scores;
        std::vector<float> p(classes);
        for (std::size_t i = 0; i < anchors; ++i) {
            fovea::softmax_reference({&values[i * classes], classes}, p);
            const auto best = std::max_element(p.begin() + 1, p.end()) - p.begin();
            for (std::size_t c = 1; c < classes; ++c)
                if ((rule == score_rule::every_class || static_cast<std::ptrdiff_t>(c) == best) &&
                    p[c] > window.floor && p[c] <= window.ceiling)
                    scores[{i, c}] = p[c];
        }
        return scores;
    }
};

} // namespace

TEST_CASE("Windows one below the other have every score once") {
    const std::size_t classes = GENERATE(2U, 5U, 16U, 64U, 67U, 91U, 130U);
    const auto rule = GENERATE(score_rule::every_class, score_rule::best_class);
    const random_logits logits(300, classes);
    CAPTURE(classes, static_cast<int>(rule));
    fovea::score_reader reader(logits.anchors, classes, rule, 0);
    reader.start(logits.values.data());
    fovea::score_window window;
    std::size_t seen = 0;
    for (float floor : {0.7F, 0.3F, 0.02F, 0.0004F, 0.0F}) {
        window.floor = floor;
        const auto want = logits.inside(window, rule);
        std::size_t found = 0;
        reader.read(window, [&](float score, std::size_t label, std::size_t anchor) {
            const auto at = want.find({anchor, label});
            ++found;
            // A score within rounding of the window's ends may be on either side.
            CHECK((at != want.end()
                       ? std::abs(at->second - score) < 1e-6F
                       : std::min(std::abs(score - window.floor), std::abs(score - window.ceiling)) < 1e-6F));
            return true;
        });
        CHECK(std::abs(static_cast<double>(found) - static_cast<double>(want.size())) <= 1);
        window.ceiling = floor;
        seen += found;
    }
    CHECK(seen == logits.inside({0, 1}, rule).size());
}

TEST_CASE(
    "Floors leave about as many anchors as asked for, and the count of certain scores is a lower bound") {
    const random_logits logits(2000, 20);
    fovea::score_reader reader(logits.anchors, 20, score_rule::every_class, 0.01F);
    reader.start(logits.values.data());
    for (std::size_t count : {10U, 100U, 1000U}) {
        const float floor = reader.floor_below(1, count);
        std::size_t anchors = 0, last = logits.anchors;
        reader.start(logits.values.data());
        reader.read({floor, 1}, [&](float, std::size_t, std::size_t anchor) {
            anchors += anchor != last ? 1 : 0;
            last = anchor;
            return true;
        });
        CAPTURE(count, floor);
        CHECK(anchors > count / 4);
        CHECK(anchors < 2 * count);
        const auto all = logits.inside({0.01F, 1}, score_rule::every_class);
        CHECK(reader.least_count(1e9F) <= static_cast<float>(all.size()));
        CHECK(reader.least_count(1e9F) >= static_cast<float>(anchors));
        CHECK(reader.least_count(2) <= 2 * 19);
    }
    CHECK(reader.floor_below(0.04F, 2001) == 0.01F);
    CHECK(reader.floor_below(1e-7F, 2001) == 0);
    CHECK(reader.floor_below(0.001F, 10) == 0.001F);
}
