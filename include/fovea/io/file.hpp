// Whole files in and out of memory: where every path-taking reader and writer of fovea touches the disk.
#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <ostream>
#include <random>
#include <string>
#include <system_error>

#include "fovea/error.hpp"
#include "fovea/io/byte_cursor.hpp"

namespace fovea {

// The contents of a file. Unlike a std::vector it is not filled with zeros before it is read.
class file_bytes {
public:
    file_bytes() = default;
    explicit file_bytes(std::size_t size) : data_(new unsigned char[size]), size_(size) {}

    unsigned char* data() noexcept { return data_.get(); }
    const unsigned char* data() const noexcept { return data_.get(); }
    std::size_t size() const noexcept { return size_; }

private:
    std::unique_ptr<unsigned char[]> data_;
    std::size_t size_ = 0;
};

// Reads a whole regular file. Throws io_error when it is missing, a directory, a device or unreadable,
// format_error when it is empty.
inline file_bytes read_file(const std::filesystem::path& path) {
    std::error_code code;
    const auto status = std::filesystem::status(path, code);
    if (status.type() == std::filesystem::file_type::not_found)
        throw io_error(path.string() + ": no such file");
    if (code)
        throw io_error(path.string() + ": " + code.message());
    if (!std::filesystem::is_regular_file(status))
        throw io_error(path.string() + ": expected a file, found " +
                       (std::filesystem::is_directory(status) ? "a directory" : "a device or pipe"));
    const auto size = std::filesystem::file_size(path, code);
    std::ifstream stream(path, std::ios::binary);
    if (code || !stream)
        throw io_error(path.string() + ": cannot be opened");
    if (size == 0)
        throw format_error(path.string() + ": the file is empty");
    file_bytes bytes(static_cast<std::size_t>(size));
    stream.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(size));
    if (!stream)
        throw io_error(path.string() + ": cannot be read");
    return bytes;
}

// Writes a file as a whole or not at all: `write` fills a new file in the same folder, which then takes the
// name in one step. What stood there before stays when anything throws. Throws io_error.
inline void write_file(const std::filesystem::path& path, const std::function<void(std::ostream&)>& write) {
    std::filesystem::path part = path;
    part += "." + std::to_string(std::random_device{}()) + ".part";
    std::error_code code;
    try {
        std::ofstream stream(part, std::ios::binary | std::ios::trunc);
        if (!stream)
            throw io_error(path.string() + ": cannot be created");
        write(stream);
        stream.close();
        if (!stream)
            throw io_error(path.string() + ": cannot be written");
        std::filesystem::rename(part, path, code);
        if (code)
            throw io_error(path.string() + ": " + code.message());
    } catch (...) {
        std::filesystem::remove(part, code);
        throw;
    }
}

} // namespace fovea
