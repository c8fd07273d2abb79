// The --json option of the benchmarks: where their numbers go besides, or instead of, the tables.
#pragma once

#include <fovea/error.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <fstream>
#include <iostream>
#include <string>

namespace fovea::benchmarks {

// Empty: no JSON; "-": standard output, without the tables.
inline void add_json_option(CLI::App& app, std::string& file) {
    app.add_option("--json", file, "Write the numbers as JSON; - for standard output, without the tables");
}
inline bool prints_tables(const std::string& file) {
    return file != "-";
}

// Throws io_error when the file cannot be written.
inline void write_json(const std::string& file, const nlohmann::json& result) {
    if (file == "-")
        std::cout << result.dump(1) << '\n';
    else if (!file.empty() && !(std::ofstream(file) << result.dump(1) << '\n'))
        throw io_error(file + ": cannot be written");
}

} // namespace fovea::benchmarks
