#include <fovea/detect/kept_boxes.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

using fovea::box;

TEST_CASE("Kept boxes suppress what fovea::iou() finds above the threshold, bit for bit") {
    // Whole coordinates, so that many IoUs equal the threshold exactly; 0.55 is no float.
    const double threshold = GENERATE(0.0, 0.25, 0.5, 0.55, 1.0);
    CAPTURE(threshold);
    constexpr std::size_t labels = 4, count = 400;
    std::mt19937 random(11);
    std::uniform_int_distribution<int> whole(0, 12);
    fovea::kept_boxes kept(labels, count, threshold);
    for (int repeat = 0; repeat < 2; ++repeat) {
        kept.clear();
        std::vector<std::vector<box>> reference(labels);
        std::size_t suppressed = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t label = i % labels;
            const auto x = static_cast<float>(whole(random)), y = static_cast<float>(whole(random));
            const box b{x, y, x + static_cast<float>(whole(random)), y + static_cast<float>(whole(random))};
            bool want = false;
            for (const box& k : reference[label])
                want = want || static_cast<double>(iou(k, b)) > threshold;
            CHECK(kept.suppress(label, b) == want);
            suppressed += want ? 1 : 0;
            if (!want) {
                kept.add(label, b);
                reference[label].push_back(b);
            }
        }
        CHECK((suppressed > 0) == (threshold < 1));
        CHECK(suppressed < count);
    }
}

TEST_CASE("A store of kept boxes has room for as many as it was made for, of any label") {
    for (std::size_t labels : {1U, 7U, 100U}) {
        fovea::kept_boxes kept(labels, 100, 0.5);
        kept.clear();
        for (std::size_t i = 0; i < 100; ++i) {
            const auto at = static_cast<float>(100 * i);
            const box b{at, 0, at + 10, 10};
            CHECK_FALSE(kept.suppress(i % labels, b));
            kept.add(i % labels, b);
            CHECK(kept.suppress(i % labels, b));
            CHECK(kept.suppress((i + 1) % labels, b) == (labels == 1));
        }
    }
}
