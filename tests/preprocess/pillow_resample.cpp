#include <fovea/preprocess/pillow_resample.hpp>

#include <catch2/catch.hpp>

#include "support/fill.hpp"

#include <array>
#include <cstdint>
#include <fstream>
#include <string_view>
#include <vector>

namespace {

std::vector<std::uint8_t> resized(fovea::image_view photo, fovea::image_size size,
                                  fovea::interpolation_mode mode, std::size_t left, std::size_t top,
                                  fovea::image_size window) {
    std::vector<std::uint8_t> out(3 * window.width * window.height);
    fovea::preprocess_workspace workspace;
    fovea::pillow_resize(photo, size, mode, left, top, window, workspace,
                         [&](std::size_t x, std::size_t y, const std::array<std::uint8_t, 3>& rgb) {
                             std::copy(rgb.begin(), rgb.end(), out.data() + 3 * (y * window.width + x));
                         });
    return out;
}

} // namespace

TEST_CASE("pillow_resize gives Pillow's bytes") {
    std::ifstream lines(FOVEA_TEST_DATA "/preprocess/pillow.txt");
    std::size_t w = 0, h = 0, count = 0;
    fovea::image_size to;
    int bicubic = 0;
    std::uint64_t hash = 0;
    while (lines >> std::dec >> w >> h >> to.width >> to.height >> bicubic >> std::hex >> hash) {
        INFO(w << "x" << h << " to " << to.width << "x" << to.height << (bicubic ? " bicubic" : " bilinear"));
        const auto pixels = fovea::test::scene("pillow", h, w);
        const auto mode = bicubic ? fovea::interpolation_mode::bicubic : fovea::interpolation_mode::bilinear;
        const auto out = resized({pixels.data(), w, h}, to, mode, 0, 0, to);
        CHECK(fovea::test::fnv1a64({reinterpret_cast<const char*>(out.data()), out.size()}) == hash);
        ++count;
    }
    CHECK(count == 120);
}

TEST_CASE("a window of pillow_resize equals the window of the whole picture") {
    const auto pixels = fovea::test::scene("window", 50, 70);
    const fovea::image_view photo(pixels.data(), 70, 50);
    const fovea::image_size size{41, 33};
    for (const auto mode : {fovea::interpolation_mode::bilinear, fovea::interpolation_mode::bicubic}) {
        const auto whole = resized(photo, size, mode, 0, 0, size);
        const auto part = resized(photo, size, mode, 7, 30, {34, 3});
        for (std::size_t y = 0; y < 3; ++y)
            CHECK(std::equal(part.begin() + static_cast<std::ptrdiff_t>(y * 34 * 3),
                             part.begin() + static_cast<std::ptrdiff_t>((y + 1) * 34 * 3),
                             whole.begin() + static_cast<std::ptrdiff_t>(((30 + y) * 41 + 7) * 3)));
    }
}
