#include <fovea/train/data/photo_source.hpp>

#include <catch2/catch.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace fovea;

namespace {

struct counting_reader {
    std::shared_ptr<std::atomic<int>> reads = std::make_shared<std::atomic<int>>(0);

    image operator()(const std::string& path) const {
        ++*reads;
        if (path == "broken")
            throw format_error("broken: bad JPEG");
        if (path == "odd")
            throw std::runtime_error("out of paper");
        image photo(10, 10);
        photo.pixels[0] = static_cast<std::uint8_t>(path.back());
        return photo;
    }
};

} // namespace

TEST_CASE("photos are kept up to a limit of bytes") {
    counting_reader reader;
    photo_source photos(reader, 700); // two photos of 300 bytes
    for (int round = 0; round < 3; ++round)
        for (const char* path : {"a", "b", "c"})
            CHECK(photos.get(path)->pixels[0] == static_cast<std::uint8_t>(*path));
    CHECK(*reader.reads == 2 + 3);
    CHECK(photos.cached_bytes() == 600);
}

TEST_CASE("without a limit's worth nothing is kept") {
    counting_reader reader;
    photo_source photos(reader, 0);
    photos.get("a");
    photos.get("a");
    CHECK(*reader.reads == 2);
    CHECK(photos.cached_bytes() == 0);
}

TEST_CASE("errors of the reader come out and name the file") {
    photo_source photos(counting_reader(), 1000);
    CHECK_THROWS_AS(photos.get("broken"), format_error);
    CHECK_THROWS_AS(photos.get("odd"), io_error);
    CHECK_THROWS_WITH(photos.get("odd"), "odd: out of paper");
    CHECK_THROWS_AS(photo_source(photo_reader(), 0), input_error);
}

TEST_CASE("several threads share a source") {
    counting_reader reader;
    photo_source photos(reader, 1 << 20);
    std::atomic<int> wrong{0};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 200; ++i) {
                const std::string path(1, static_cast<char>('a' + i % 20));
                wrong += photos.get(path)->pixels[0] != static_cast<std::uint8_t>(path[0]) ? 1 : 0;
            }
        });
    for (std::thread& thread : threads)
        thread.join();
    CHECK(wrong == 0);
    CHECK(photos.cached_bytes() == 20 * 300);
}
