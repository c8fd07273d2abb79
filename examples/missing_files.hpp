// Files that a data set names and that are not there, for one error about all of them.
#pragma once

#include <fovea/error.hpp>

#include <cstddef>
#include <filesystem>
#include <string>

namespace fovea::examples {

class missing_files {
public:
    void add(const std::filesystem::path& path) {
        if (++count_ <= shown)
            text_ += "\n  " + path.string();
    }
    // Throws io_error when there was one.
    void check(const std::string& where) const {
        if (count_ > 0)
            throw io_error(where + ": missing files (" + std::to_string(count_) + "):" + text_ +
                           (count_ > shown ? "\n  ..." : ""));
    }

private:
    static constexpr std::size_t shown = 10;

    std::size_t count_ = 0;
    std::string text_;
};

} // namespace fovea::examples
