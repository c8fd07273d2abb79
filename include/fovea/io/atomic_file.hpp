// Replaces a file in one step and durably: what training writes while the machine may stop at any moment.
#pragma once

#include <cerrno>
#include <cstddef>
#include <filesystem>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "fovea/error.hpp"

#if defined(__unix__) || defined(__APPLE__)
#include <fcntl.h>
#include <unistd.h>
#else
#include <cstdio>
#endif

namespace fovea {
namespace detail {

[[noreturn]] inline void throw_io_error(const std::filesystem::path& path, const char* what, int code) {
    throw io_error(path.string() + ": " + what + ": " + std::generic_category().message(code));
}

#if defined(__unix__) || defined(__APPLE__)

// A file that is written from its beginning to its end. Names `path` in errors.
class output_file {
public:
    output_file(const std::filesystem::path& place, std::filesystem::path path)
        : path_(std::move(path)),
          descriptor_(::open(place.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666)) {
        if (descriptor_ < 0)
            throw_io_error(path_, "cannot be created", errno);
    }
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file() {
        if (descriptor_ >= 0)
            ::close(descriptor_);
    }

    void write(std::string_view bytes) {
        while (!bytes.empty()) {
            const auto written = ::write(descriptor_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR)
                continue;
            if (written <= 0)
                throw_io_error(path_, "cannot be written", written < 0 ? errno : EIO);
            bytes.remove_prefix(static_cast<std::size_t>(written)); // a signal or a limit may cut it short
        }
    }

    // Returns when the bytes are on the disk.
    void finish() {
        if (::fsync(descriptor_) != 0)
            throw_io_error(path_, "cannot be written", errno);
        if (::close(std::exchange(descriptor_, -1)) != 0)
            throw_io_error(path_, "cannot be written", errno);
    }

private:
    std::filesystem::path path_;
    int descriptor_;
};

// Makes a rename in a folder durable, as far as its file system can.
inline void sync_folder(const std::filesystem::path& folder) noexcept {
    const int descriptor = ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0)
        return;
    ::fsync(descriptor);
    ::close(descriptor);
}

#else

class output_file {
public:
    output_file(const std::filesystem::path& place, std::filesystem::path path)
        : path_(std::move(path)), stream_(std::fopen(place.string().c_str(), "wb")) {
        if (stream_ == nullptr)
            throw_io_error(path_, "cannot be created", errno);
    }
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file() {
        if (stream_ != nullptr)
            std::fclose(stream_);
    }

    void write(std::string_view bytes) {
        if (std::fwrite(bytes.data(), 1, bytes.size(), stream_) != bytes.size())
            throw_io_error(path_, "cannot be written", errno);
    }

    void finish() {
        if (std::fclose(std::exchange(stream_, nullptr)) != 0)
            throw_io_error(path_, "cannot be written", errno);
    }

private:
    std::filesystem::path path_;
    std::FILE* stream_;
};

inline void sync_folder(const std::filesystem::path&) noexcept {}

#endif

} // namespace detail

// A new file in place of an old one. Bytes go into "<path>.partial" in the same folder; commit() waits until
// the disk has them and gives the file its name. Without commit(), or when anything throws, the old file
// stays and the partial one is removed. Of a process that was killed a partial file may stay: the next
// atomic_file of that path overwrites it. One writer of a path at a time.
class atomic_file {
public:
    // Throws io_error.
    explicit atomic_file(std::filesystem::path path)
        : path_(std::move(path)), partial_{partial_path(path_)}, file_(partial_.path, path_) {}

    static std::filesystem::path partial_path(std::filesystem::path path) { return path += ".partial"; }

    // Throws io_error with the path and the system's reason, e.g. "No space left on device".
    void write(std::string_view bytes) { file_.write(bytes); }

    // Calls before_rename() when the new bytes are safe and the old file still has its name, for example to
    // keep that file under another name. Throws io_error, or what before_rename() throws.
    template <class BeforeRename>
    void commit(BeforeRename&& before_rename) {
        file_.finish();
        before_rename();
        std::error_code code;
        std::filesystem::rename(partial_.path, path_, code);
        if (code)
            throw io_error(path_.string() + ": cannot be replaced: " + code.message());
        partial_.renamed = true;
        detail::sync_folder(path_.parent_path());
    }
    void commit() {
        commit([] {});
    }

private:
    // Removed when it has no better name at the end.
    struct partial_file {
        explicit partial_file(std::filesystem::path place) : path(std::move(place)) {}
        partial_file(const partial_file&) = delete;
        partial_file& operator=(const partial_file&) = delete;
        ~partial_file() {
            std::error_code ignored;
            if (!renamed)
                std::filesystem::remove(path, ignored);
        }
        std::filesystem::path path;
        bool renamed = false;
    };

    std::filesystem::path path_;
    partial_file partial_; // outlives file_: closed before it is removed
    detail::output_file file_;
};

// Replaces a file by these bytes: afterwards it has them, or, when io_error is thrown, what it had before.
inline void write_file_atomically(const std::filesystem::path& path, std::string_view bytes) {
    atomic_file file(path);
    file.write(bytes);
    file.commit();
}

} // namespace fovea
