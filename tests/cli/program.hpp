// Runs the fovea program and keeps what it printed; weights and inputs of golden cases as files for it.
#pragma once

#include "support/golden.hpp"

#include <fovea/graph/builder.hpp>
#include <fovea/graph/params.hpp>
#include <fovea/io/file.hpp>
#include <fovea/io/npy.hpp>
#include <fovea/io/safetensors.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/ssdlite.hpp>

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

namespace fovea::test {

namespace fs = std::filesystem;

// A new folder that vanishes at the end.
class scratch_folder {
public:
    scratch_folder() : path_(fs::temp_directory_path() / ("fovea_cli_" + std::to_string(getpid()))) {
        fs::remove_all(path_);
        fs::create_directories(path_);
    }
    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;
    ~scratch_folder() {
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }

    fs::path operator/(const std::string& name) const { return path_ / name; }

private:
    fs::path path_;
};

inline std::string read_text(const fs::path& path) {
    if (!fs::exists(path) || fs::file_size(path) == 0)
        return {};
    const file_bytes bytes = read_file(path);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline void write_text(const fs::path& path, const std::string& text) {
    write_file(path, [&](std::ostream& stream) { stream << text; });
}

// How a call of the program ended. status: its exit code, -1 when a signal ended it.
struct outcome {
    int status = -1;
    std::string out, err;

    bool err_has(const std::string& text) const { return err.find(text) != std::string::npos; }
    std::ptrdiff_t err_lines() const { return std::count(err.begin(), err.end(), '\n'); }
};

// Calls fovea with its cache in `folder` and no FOVEA_WEIGHTS.
inline outcome run_fovea(const scratch_folder& folder, const std::string& arguments) {
    const std::string command = "env -u FOVEA_WEIGHTS no_proxy='*' FOVEA_CACHE='" +
                                (folder / "cache").string() + "' " FOVEA_PROGRAM " " + arguments + " >'" +
                                (folder / "out").string() + "' 2>'" + (folder / "err").string() + "'";
    const int status = std::system(command.c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, read_text(folder / "out"),
            read_text(folder / "err")};
}

// Writes the weights that a golden case draws for a table's graph.
template <class Table>
void write_weights(const fs::path& path, const golden_case& golden, const Table& table) {
    const auto b = std::make_unique<builder<4096>>();
    build_graph(*b, table);
    std::vector<named_shape> entries;
    for_each_parameter(b->view(), [&](const parameter& p) {
        shape_type extents;
        for (int i = 0; i < p.dims.rank; ++i)
            extents.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
        entries.push_back({key_of(b->view(), p).str(), extents});
    });
    state_dict weights;
    for (const named_tensor& t : golden.parameters(entries))
        weights.insert({t.name, dtype::float32, t.shape, t.values});
    write_safetensors(path, weights);
}

inline void write_input(const fs::path& path, const golden_case& golden) {
    const array input = golden.input();
    write_npy(path, std::vector<float>(input.values.begin(), input.values.end()), input.shape);
}

} // namespace fovea::test
