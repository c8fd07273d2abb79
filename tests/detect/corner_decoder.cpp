#include <fovea/detect/corner_decoder.hpp>

#include <catch2/catch.hpp>

#include <limits>
#include <random>

using fovea::box;

namespace {

// NaN where the other has it, else near.
bool same(float a, float b) {
    return std::isnan(a) ? std::isnan(b) : std::abs(a - b) <= 3e-5F;
}

bool same(const box& a, const box& b) {
    return same(a.x1, b.x1) && same(a.y1, b.y1) && same(a.x2, b.x2) && same(a.y2, b.y2);
}

} // namespace

TEST_CASE("Corners decoded as a vector are those of the box coder, clipped") {
    std::mt19937 random(2);
    std::normal_distribution<float> normal;
    for (const fovea::box_coder coder : {fovea::box_coder{}, fovea::box_coder{1, 2, 3, 4}}) {
        const fovea::corner_decoder decoder(coder);
        for (int i = 0; i < 1000; ++i) {
            const float x = 100 + 60 * normal(random), y = 90 + 60 * normal(random);
            const box anchor{x, y, x + 20 + 5 * normal(random), y + 30 + 5 * normal(random)};
            const float o[] = {3 * normal(random), 3 * normal(random), 3 * normal(random),
                               (i % 10 == 0 ? 20.0F : 2.0F) * normal(random)};
            const box want = clip(coder.decode({o[0], o[1], o[2], o[3]}, anchor), {180, 200});
            CAPTURE(i, o[0], o[1], o[2], o[3]);
            CHECK(same(decoder.decode(o, anchor, {180, 200}), want));
        }
    }
}

TEST_CASE("Offsets that are no numbers give the box coder's corners, too") {
    const fovea::box_coder coder;
    const fovea::corner_decoder decoder(coder);
    const box anchor{10, 20, 40, 60};
    constexpr float infinite = std::numeric_limits<float>::infinity();
    for (float bad : {std::numeric_limits<float>::quiet_NaN(), infinite, -infinite})
        for (std::size_t k = 0; k < 4; ++k) {
            float o[] = {0.5F, -0.5F, 0.5F, -0.5F};
            o[k] = bad;
            CAPTURE(bad, k);
            const box want = clip(coder.decode({o[0], o[1], o[2], o[3]}, anchor), {100, 100});
            CHECK(same(decoder.decode(o, anchor, {100, 100}), want));
        }
}
