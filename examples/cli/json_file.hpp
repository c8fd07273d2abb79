// JSON results: written whole to a file, or to standard output for "-".
#pragma once

#include <fovea/io/file.hpp>

#include <nlohmann/json.hpp>

#include <iostream>
#include <string>

namespace fovea::cli {

using json = nlohmann::ordered_json;

// Paths and labels that are no valid UTF-8 get replacement characters. Throws io_error.
inline void write_json(const std::string& path, const json& value) {
    const std::string text = value.dump(2, ' ', false, json::error_handler_t::replace) + '\n';
    if (path == "-")
        std::cout << text << std::flush;
    else
        write_file(path, [&](std::ostream& stream) { stream << text; });
}

} // namespace fovea::cli
