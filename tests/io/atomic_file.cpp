// Files replaced in one step: what stays on a full disk, behind a limit and after a run that was killed.
#include "support/temporary_folder.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>

#include <sys/resource.h>

#include <fovea/io/atomic_file.hpp>
#include <fovea/io/file.hpp>

#include "hostile_bytes.hpp"

namespace {

namespace fs = std::filesystem;
using fovea::test::temporary_folder;

std::string contents_of(const fs::path& path) {
    const fovea::file_bytes bytes = fovea::read_file(path);
    return std::string(bytes.data(), bytes.data() + bytes.size());
}

// Files of this process may not grow beyond `bytes` while it lives: a write is cut short, the next one fails.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        getrlimit(RLIMIT_FSIZE, &before_);
        rlimit limited = before_;
        limited.rlim_cur = bytes;
        setrlimit(RLIMIT_FSIZE, &limited);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;
    ~file_size_limit() {
        setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

private:
    rlimit before_{};
    void (*handler_)(int);
};

} // namespace

TEST_CASE("a file is replaced in one step and nothing else stays in its folder") {
    const temporary_folder folder;
    const fs::path path = folder / "weights";
    fovea::write_file_atomically(path, "first");
    CHECK(contents_of(path) == "first");
    const std::string large(1'000'000, 'x');
    {
        fovea::atomic_file file(path);
        file.write("seco");
        file.write("");
        file.write(large);
        CHECK(contents_of(path) == "first");
        file.commit([&] { CHECK(contents_of(path) == "first"); });
    }
    CHECK(contents_of(path) == "seco" + large);
    CHECK(folder.files() == 1);
    fovea::write_file_atomically(path, "");
    CHECK(fs::file_size(path) == 0);
}

TEST_CASE("a file that is not committed leaves the old one") {
    const temporary_folder folder;
    const fs::path path = folder / "weights";
    fovea::write_file_atomically(path, "first");
    fovea::atomic_file(path).write("half");
    CHECK(contents_of(path) == "first");
    {
        fovea::atomic_file file(path);
        file.write("half");
        CHECK_THROWS_AS(file.commit([] { throw std::runtime_error("no"); }), std::runtime_error);
    }
    CHECK(contents_of(path) == "first");
    CHECK(folder.files() == 1);
}

TEST_CASE("a name without a folder is a file of the current one") {
    const temporary_folder folder;
    const fs::path before = fs::current_path();
    fs::current_path(folder.path());
    fovea::write_file_atomically("weights", "here");
    fs::current_path(before);
    CHECK(contents_of(folder / "weights") == "here");
}

TEST_CASE("what a killed run left is overwritten") {
    const temporary_folder folder;
    const fs::path path = folder / "weights";
    std::ofstream(fovea::atomic_file::partial_path(path)) << std::string(5000, 'x');
    fovea::write_file_atomically(path, "whole");
    CHECK(contents_of(path) == "whole");
    CHECK(folder.files() == 1);
}

TEST_CASE("a full disk is named and keeps the old file") {
    const temporary_folder folder;
    const fs::path path = folder / "weights";
    fovea::write_file_atomically(path, "first");
    fs::create_symlink("/dev/full", fovea::atomic_file::partial_path(path)); // each write to it fails: ENOSPC
    CHECK(test::error_of([&] { fovea::write_file_atomically(path, "second"); }) ==
          path.string() + ": cannot be written: No space left on device");
    CHECK(contents_of(path) == "first");
    CHECK(folder.files() == 1);
}

TEST_CASE("a write that is cut short is an error that keeps the old file") {
    const temporary_folder folder;
    const fs::path path = folder / "weights";
    fovea::write_file_atomically(path, "first");
    std::string message;
    {
        const file_size_limit limit(1000);
        message = test::error_of([&] { fovea::write_file_atomically(path, std::string(1001, 'x')); });
        fovea::write_file_atomically(folder / "small", std::string(1000, 'x'));
    }
    CHECK(message == path.string() + ": cannot be written: File too large");
    CHECK(contents_of(path) == "first");
    CHECK(fs::file_size(folder / "small") == 1000);
    CHECK(folder.files() == 2);
}

TEST_CASE("places where no file can be are named with the reason") {
    const temporary_folder folder;
    const auto refusal = [&](const fs::path& path) {
        return test::error_of([&] { fovea::write_file_atomically(path, "x"); });
    };
    const fs::path missing = folder / "none" / "weights";
    CHECK(refusal(missing) == missing.string() + ": cannot be created: No such file or directory");
    fs::create_directories(folder / "folder" / "inside");
    CHECK_THAT(refusal(folder / "folder"),
               Catch::StartsWith((folder / "folder").string() + ": cannot be replaced: "));
    CHECK(fs::exists(folder / "folder" / "inside"));
    CHECK(folder.files() == 1);
    CHECK_THROWS_AS(fovea::write_file_atomically(missing, "x"), fovea::io_error);
}
