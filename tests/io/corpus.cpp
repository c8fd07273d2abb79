// Replays the fuzzers' corpora: whatever those inputs once reached stays free of crashes, in every build.
#include <catch2/catch.hpp>

#include <filesystem>
#include <string>

#include <fovea/io/npy.hpp>
#include <fovea/io/pth.hpp>
#include <fovea/io/safetensors.hpp>

#include "hostile_bytes.hpp"

namespace {

// Reads every file of a corpus; fovea's errors are expected, others fail the test. Returns how many files
// there were.
template <class Read>
std::size_t replay(const std::string& target, Read&& read) {
    std::size_t files = 0;
    for (const auto& entry :
         std::filesystem::directory_iterator(FOVEA_TEST_DATA "/../fuzz/corpus/" + target)) {
        CAPTURE(entry.path().string());
        if (entry.file_size() == 0)
            continue;
        const fovea::file_bytes file = fovea::read_file(entry.path());
        CHECK_NOTHROW(test::error_of([&] { read(fovea::byte_span(file)); }));
        ++files;
    }
    return files;
}

} // namespace

TEST_CASE("the fuzzers' corpora are read or refused") {
    CHECK(replay("pth", [](fovea::byte_span bytes) { fovea::read_pth(bytes, "x"); }) > 50);
    CHECK(replay("safetensors", [](fovea::byte_span bytes) { fovea::read_safetensors(bytes, "x"); }) > 20);
    CHECK(replay("npy", [](fovea::byte_span bytes) { fovea::read_npy(bytes, "x"); }) > 20);
}
