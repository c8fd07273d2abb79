// Whole files in and out, and what is said when that is impossible.
#include <catch2/catch.hpp>

#include <filesystem>
#include <fstream>
#include <ostream>
#include <stdexcept>
#include <string>

#include <fovea/io/file.hpp>

#include "hostile_bytes.hpp"

namespace {

namespace fs = std::filesystem;

// A folder of its own for a test, removed afterwards.
struct scratch_folder {
    scratch_folder() { fs::create_directories(path); }
    ~scratch_folder() { fs::remove_all(path); }
    std::size_t files() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(path), fs::directory_iterator()));
    }
    fs::path path = fs::temp_directory_path() / ("fovea_file_test_" + std::to_string(std::random_device{}()));
};

std::string contents(const fs::path& path) {
    const fovea::file_bytes bytes = fovea::read_file(path);
    return std::string(bytes.data(), bytes.data() + bytes.size());
}

} // namespace

TEST_CASE("files that cannot be read are named") {
    const scratch_folder folder;
    std::ofstream(folder.path / "empty").close();
    CHECK_THROWS_AS(fovea::read_file(folder.path / "missing"), fovea::io_error);
    CHECK_THROWS_AS(fovea::read_file(folder.path), fovea::io_error);
    CHECK_THROWS_AS(fovea::read_file("/dev/null"), fovea::io_error);
    CHECK_THROWS_AS(fovea::read_file(folder.path / "empty"), fovea::format_error);
    CHECK_THAT(test::error_of([&] { fovea::read_file(folder.path); }), Catch::Contains("found a directory"));
    CHECK_THAT(test::error_of([&] { fovea::read_file(folder.path / "missing"); }),
               Catch::StartsWith((folder.path / "missing").string()));
}

TEST_CASE("a file is replaced as a whole or not at all") {
    const scratch_folder folder;
    const fs::path path = folder.path / "weights";
    fovea::write_file(path, [](std::ostream& stream) { stream << "first"; });
    CHECK(contents(path) == "first");
    CHECK_THROWS_AS(fovea::write_file(path,
                                      [](std::ostream& stream) {
                                          stream << "half";
                                          throw std::runtime_error("full");
                                      }),
                    std::runtime_error);
    CHECK(contents(path) == "first");
    fovea::write_file(path, [](std::ostream& stream) { stream << "second"; });
    CHECK(contents(path) == "second");
    CHECK(folder.files() == 1);
    CHECK_THROWS_AS(fovea::write_file(folder.path / "none" / "x", [](std::ostream&) {}), fovea::io_error);
}
