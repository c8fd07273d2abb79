#include <fovea/io/image.hpp>

#include <catch2/catch.hpp>

#include "support/fill.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fs = std::filesystem;

using fovea::byte_span;
using fovea::image;
using fovea::read_image;

namespace {

const fs::path corpus = fs::path(FOVEA_TEST_DATA) / "../fuzz/corpus/image";

std::vector<unsigned char> bytes_of(const fs::path& path) {
    const auto file = fovea::read_file(path);
    return {file.data(), file.data() + file.size()};
}

std::uint64_t hash_of(const image& picture) {
    return fovea::test::fnv1a64(
        {reinterpret_cast<const char*>(picture.pixels.data()), picture.pixels.size()});
}

image decode(const std::vector<unsigned char>& bytes, const fovea::image_limits& limits = {}) {
    return read_image(byte_span(bytes), "memory", limits);
}

std::string message_of(const std::vector<unsigned char>& bytes, const fovea::image_limits& limits = {}) {
    try {
        decode(bytes, limits);
    } catch (const fovea::format_error& e) {
        return e.what();
    }
    return "";
}

// Where the file keeps its orientation: tag 0x0112, SHORT, one value, little- or big-endian.
std::size_t orientation_at(const std::vector<unsigned char>& bytes) {
    const std::array<std::vector<unsigned char>, 2> tags{
        {{0x12, 1, 3, 0, 1, 0, 0, 0, 6}, {1, 0x12, 0, 3, 0, 0, 0, 1, 0, 6}}};
    for (const auto& tag : tags) {
        const auto found = std::search(bytes.begin(), bytes.end(), tag.begin(), tag.end());
        if (found != bytes.end())
            return static_cast<std::size_t>(found - bytes.begin()) + tag.size() - 1;
    }
    throw std::runtime_error("no orientation in the file");
}

struct scratch_file {
    fs::path path = fs::temp_directory_path() / "fovea_test_image.png";
    ~scratch_file() { fs::remove(path); }
};

} // namespace

TEST_CASE("every kind of picture gives Pillow's pixels") {
    std::ifstream lines(FOVEA_TEST_DATA "/io/images.txt");
    std::string name;
    fovea::image_size size;
    std::uint64_t hash = 0;
    std::size_t count = 0;
    while (lines >> name >> std::dec >> size.width >> size.height >> std::hex >> hash) {
        INFO(name);
        const image picture = read_image(corpus / name);
        CHECK(picture.width == size.width);
        CHECK(picture.height == size.height);
        CHECK(hash_of(picture) == hash);
        ++count;
    }
    CHECK(count ==
          static_cast<std::size_t>(std::distance(fs::directory_iterator(corpus), fs::directory_iterator())));
}

TEST_CASE("shared photos are decoded to the bytes of their goldens") {
    const fs::path photos = fs::path(FOVEA_SHARED_DIR) / "data/photos";
    if (!fs::exists(photos))
        return;
    // FNV-1a of the bytes whose SHA-256 the manifests of pipe_ssdlite320_photo and _photo2 hold.
    CHECK(hash_of(read_image(photos / "000456.jpg")) == 0xe3d604a4daf41649);
    CHECK(hash_of(read_image(photos / "2.jpg")) == 0xc00ce794764d8ea8);
}

TEST_CASE("the eight orientations turn the picture upright") {
    auto jpeg = bytes_of(corpus / "baseline.jpg");
    jpeg[orientation_at(jpeg)] = 1;
    const image stored = decode(jpeg);
    const std::size_t w = stored.width, h = stored.height;
    // Where the stored top left and top right pixels are seen (EXIF 2.3, table 6).
    const std::array<std::array<std::size_t, 4>, 8> seen{{{0, 0, w - 1, 0},
                                                          {w - 1, 0, 0, 0},
                                                          {w - 1, h - 1, 0, h - 1},
                                                          {0, h - 1, w - 1, h - 1},
                                                          {0, 0, 0, w - 1},
                                                          {h - 1, 0, h - 1, w - 1},
                                                          {h - 1, w - 1, h - 1, 0},
                                                          {0, w - 1, 0, 0}}};
    for (std::size_t o = 1; o <= 8; ++o) {
        INFO("orientation " << o);
        auto turned = bytes_of(corpus / "baseline.jpg");
        turned[orientation_at(turned)] = static_cast<unsigned char>(o);
        const image picture = decode(turned);
        CHECK(picture.width == (o < 5 ? w : h));
        CHECK(picture.height == (o < 5 ? h : w));
        const auto& at = seen[o - 1];
        CHECK(std::equal(stored.row(0), stored.row(0) + 3, picture.row(at[1]) + 3 * at[0]));
        CHECK(std::equal(stored.row(0) + 3 * (w - 1), stored.row(0) + 3 * w, picture.row(at[3]) + 3 * at[2]));
    }
}

TEST_CASE("an impossible orientation is ignored") {
    auto bytes = bytes_of(corpus / "baseline.jpg");
    const std::size_t at = orientation_at(bytes);
    bytes[at] = 1;
    const auto upright = decode(bytes).pixels;
    for (const int value : {0, 9, 255}) {
        bytes[at] = static_cast<unsigned char>(value);
        CHECK(decode(bytes).pixels == upright);
    }
}

TEST_CASE("a picture cut anywhere is an error, or the whole picture") {
    for (const auto& entry : fs::directory_iterator(corpus)) {
        const auto whole = bytes_of(entry.path());
        const image want = decode(whole);
        const bool jpeg = entry.path().extension() == ".jpg";
        for (std::size_t size = 0; size < whole.size(); ++size) {
            INFO(entry.path().filename() << " cut to " << size << " of " << whole.size() << " bytes");
            const std::vector<unsigned char> cut(whole.begin(),
                                                 whole.begin() + static_cast<std::ptrdiff_t>(size));
            try {
                const image got = decode(cut);
                CHECK_FALSE(jpeg);
                CHECK(got.pixels == want.pixels);
            } catch (const fovea::format_error& e) {
                CHECK(std::string_view(e.what()).substr(0, 6) == "memory");
            }
        }
    }
}

TEST_CASE("a damaged picture is an error or some picture") {
    for (const auto& entry : fs::directory_iterator(corpus)) {
        const auto whole = bytes_of(entry.path());
        for (std::size_t i = 0; i < whole.size(); ++i)
            for (const int flip : {0x01, 0x80, 0xff}) {
                auto damaged = whole;
                damaged[i] = static_cast<unsigned char>(damaged[i] ^ flip);
                try {
                    const image got = decode(damaged, {std::size_t{1} << 20});
                    CHECK(got.pixels.size() == 3 * got.width * got.height);
                } catch (const fovea::format_error&) {
                }
            }
    }
}

TEST_CASE("more pixels than the limit are refused") {
    for (const auto& entry : fs::directory_iterator(corpus)) {
        INFO(entry.path().filename());
        const auto bytes = bytes_of(entry.path());
        CHECK(decode(bytes, {13 * 9}).pixels.size() == 13 * 9 * 3);
        CHECK(message_of(bytes, {13 * 9 - 1}).find("too many, expected at most 116") != std::string::npos);
    }
}

TEST_CASE("a small file that claims a huge picture is refused before it is allocated") {
    const std::string header = "P6 8000 8000 255\n";
    CHECK(message_of({header.begin(), header.end()})
              .find("8000x8000 pixels cannot come out of a file of 17 bytes") != std::string::npos);
    auto jpeg = bytes_of(corpus / "gray.jpg");
    const std::array<unsigned char, 5> frame{0xff, 0xc0, 0x00, 0x0b, 0x08};
    const auto at = std::search(jpeg.begin(), jpeg.end(), frame.begin(), frame.end());
    REQUIRE(at != jpeg.end());
    at[5] = at[7] = 0x1f;
    CHECK(message_of(jpeg).find("cannot come out of a file") != std::string::npos);
}

TEST_CASE("a JPEG of endless scans is refused") {
    auto jpeg = bytes_of(corpus / "progressive.jpg");
    const std::array<unsigned char, 2> start_of_scan{0xff, 0xda};
    const auto first = std::search(jpeg.begin(), jpeg.end(), start_of_scan.begin(), start_of_scan.end());
    const auto second = std::search(first + 2, jpeg.end(), start_of_scan.begin(), start_of_scan.end());
    REQUIRE(second != jpeg.end());
    const std::vector<unsigned char> scan(first, second);
    const std::ptrdiff_t at = first - jpeg.begin();
    for (int i = 0; i < 600; ++i)
        jpeg.insert(jpeg.begin() + at, scan.begin(), scan.end());
    CHECK(message_of(jpeg) == "memory: bad JPEG: more than 500 scans");
}

TEST_CASE("errors say what was expected") {
    const auto text = [](std::string_view s) { return message_of({s.begin(), s.end()}); };
    CHECK(text("GIF89a") ==
          "memory: expected a JPEG, PNG, BMP or binary PNM (P5, P6) picture, found none of them");
    CHECK(text("") == "memory: expected a JPEG, PNG, BMP or binary PNM (P5, P6) picture, found none of them");
    CHECK(text("P6 0 5 255\n").find("0x5 pixels, expected at least one") != std::string::npos);
    CHECK(text("P6 1 1 0\n").find("a maximum value of 1 to 65535, found 0") != std::string::npos);
    CHECK(text("P6 1 1 65536\n").find("a maximum value of 1 to 65535, found 65536") != std::string::npos);
    CHECK(text("P6 99999999999 1 255\n").find("a number of at most nine digits") != std::string::npos);
    CHECK(text("P6 1 -1 255\n").find("expected a number") != std::string::npos);
    CHECK(text("\xff\xd8\xff").find("bad JPEG: ") != std::string::npos);
    CHECK(text("\x89PNG\r\n\x1a\n").find("bad PNG: the file ends too early") != std::string::npos);
    auto bmp = bytes_of(corpus / "24.bmp");
    bmp[28] = 12;
    CHECK(message_of(bmp).find("BMP of 12 bits a pixel") != std::string::npos);
    bmp[28] = 24;
    bmp[30] = 1;
    CHECK(message_of(bmp).find("BMP with compression 1, expected none") != std::string::npos);
    CHECK_THROWS_AS(read_image(corpus / "absent.jpg"), fovea::io_error);
}

TEST_CASE("a written PNG is read back") {
    const scratch_file file;
    const auto pixels = fovea::test::scene("written", 21, 34);
    std::vector<std::uint8_t> apart(21 * 120, 7);
    for (std::size_t y = 0; y < 21; ++y)
        std::copy_n(pixels.data() + y * 102, 102, apart.data() + y * 120);
    for (const auto& view :
         {fovea::image_view(pixels.data(), 34, 21), fovea::image_view(apart.data(), 34, 21, 120)}) {
        fovea::write_png(file.path, view);
        const image back = read_image(file.path);
        CHECK(back.width == 34);
        CHECK(back.pixels == pixels);
    }
    CHECK_THROWS_AS(fovea::write_png(file.path, {}), fovea::input_error);
    CHECK_THROWS_AS(fovea::write_png("/nonexistent/folder/x.png", image(1, 1)), fovea::io_error);
}
