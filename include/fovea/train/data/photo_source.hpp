// Decoded photos for the loaders: read by a function of the caller's, kept in memory as far as a limit
// allows.
#pragma once

#include <fovea/error.hpp>
#include <fovea/preprocess/image.hpp>

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>

namespace fovea {

// Decodes one photo; throws a fovea::error that names the file. Called from several threads at once.
using photo_reader = std::function<image(const std::string& path)>;

// Reads photos, and keeps those that come first until their pixels fill `cache_bytes`; what was kept stays.
class photo_source {
public:
    photo_source(photo_reader read, std::size_t cache_bytes) : read_(std::move(read)), limit_(cache_bytes) {
        if (!read_)
            throw input_error("photo_source: expected a function that reads photos");
    }

    // Throws what the reader throws; another exception becomes an io_error that names the file.
    std::shared_ptr<const image> get(const std::string& path) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            const auto found = kept_.find(path);
            if (found != kept_.end())
                return found->second;
        }
        auto photo = std::make_shared<const image>(read(path)); // without the lock: decoding is slow
        const std::lock_guard<std::mutex> lock(mutex_);
        if (const std::size_t bytes = photo->pixels.size();
            bytes <= limit_ - used_ && kept_.emplace(path, photo).second)
            used_ += bytes;
        return photo;
    }

    std::size_t cached_bytes() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return used_;
    }

private:
    image read(const std::string& path) const {
        try {
            return read_(path);
        } catch (const error&) {
            throw;
        } catch (const std::exception& e) {
            throw io_error(path + ": " + e.what());
        }
    }

    photo_reader read_;
    std::size_t limit_, used_ = 0;
    mutable std::mutex mutex_;
    std::unordered_map<std::string, std::shared_ptr<const image>> kept_;
};

} // namespace fovea
