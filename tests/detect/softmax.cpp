#include <fovea/detect/softmax.hpp>

#include <catch2/catch.hpp>

#include <random>
#include <vector>

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();
constexpr float infinite = std::numeric_limits<float>::infinity();

// The vector form, divided out. What it reads behind the logits must not matter.
std::vector<float> softmax(const std::vector<float>& logits) {
    std::vector<float> readable = logits, e(fovea::padded_classes(logits.size()), -1.0F);
    readable.resize(e.size(), not_a_number);
    const float sum = fovea::softmax_exponentials(readable.data(), logits.size(),
                                                  fovea::largest_of(logits.data(), logits.size()), e.data());
    for (std::size_t c = logits.size(); c < e.size(); ++c)
        CHECK((e[c] == 0.0F || std::isnan(sum)));
    e.resize(logits.size());
    for (float& v : e)
        v /= sum;
    return e;
}

} // namespace

TEST_CASE("The vector softmax equals the scalar one for any number of classes") {
    std::mt19937 random(5);
    std::normal_distribution<float> normal(0, 6);
    for (std::size_t classes = 1; classes < 100; ++classes) {
        std::vector<float> logits(classes), want(classes);
        for (float& logit : logits)
            logit = normal(random);
        fovea::softmax_reference(logits, want);
        const std::vector<float> got = softmax(logits);
        CHECK(fovea::largest_of(logits.data(), classes) == *std::max_element(logits.begin(), logits.end()));
        for (std::size_t c = 0; c < classes; ++c) {
            CAPTURE(classes, c);
            CHECK(got[c] == Approx(want[c]).epsilon(2e-6));
        }
    }
}

TEST_CASE("Logits without a softmax give NaN, impossible classes give 0") {
    for (std::size_t classes : {1U, 3U, 16U, 91U})
        for (float bad : {not_a_number, infinite}) {
            std::vector<float> logits(classes, 0.5F), want(classes);
            logits[classes / 2] = bad;
            fovea::softmax_reference(logits, want);
            const std::vector<float> got = softmax(logits);
            for (std::size_t c = 0; c < classes; ++c) {
                CHECK(std::isnan(want[c]));
                CHECK(std::isnan(got[c]));
            }
        }
    for (float p : softmax({-infinite, -infinite}))
        CHECK(std::isnan(p));
    CHECK(softmax({-infinite, 2, -200}) == std::vector<float>{0, 1, 0});
    CHECK(fovea::largest_of(nullptr, 0) == -infinite);
}
