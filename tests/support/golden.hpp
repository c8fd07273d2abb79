// Golden cases: a JSON manifest that names a model or component, its fill and inputs, and what its outputs
// must be.
#pragma once

#include "support/compare.hpp"
#include "support/fill.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::test {

// An input: drawn from a stream, kept as a file beside the manifest, or an image ("scene:<name>:<h>x<w>",
// "photo:<file>").
struct golden_input {
    std::string name;
    shape_type shape;
    std::string stream, rule, npy, image; // empty when absent
};

// One manifest. A state dict is listed in some only; state_dict_hash is its state_dict_hash() in others.
struct golden_case {
    std::filesystem::path folder;
    std::string name, model, prefix;
    fill_gain gain;
    std::vector<golden_input> inputs;
    std::vector<named_shape> state_dict;
    std::optional<std::uint64_t> state_dict_hash;
    std::map<std::string, double> settings;          // numbers that a pipeline is run with, e.g. score_thresh
    std::size_t param_count = 0, macs_per_image = 0; // 0 when absent
    std::vector<golden_output> outputs;
    std::vector<golden_detections> detections;

    // The values of an input that is not an image. Throws std::out_of_range for an unknown name.
    array input(std::string_view input_name = "input") const;
    // Throws std::out_of_range for an unknown name.
    const golden_output& output(std::string_view output_name) const;
    const golden_detections& detection(std::string_view output_name) const;
    // fill_state_dict of this case's names (those listed when the argument is empty), gain and prefix.
    std::vector<named_tensor> parameters(const std::vector<named_shape>& entries = {}) const;
};

// Reads a manifest and the arrays it names. Throws std::runtime_error with the path when something is
// missing.
golden_case read_golden(const std::filesystem::path& manifest);

// The reference goldens outside the repository (FOVEA_SHARED_DIR), where they exist.
std::optional<std::filesystem::path> golden_dir();

// The manifest <golden_dir>/<kind>/<name>/manifest.json, where it exists. kind: components, models or
// pipelines.
std::optional<golden_case> shared_golden(std::string_view kind, std::string_view name);

// The repository's own golden tests/data/<topic>/<name>.json.
golden_case own_golden(std::string_view topic, std::string_view name);

// FNV-1a of "name:4,3,1,1\n" over the entries in order: compares a whole state dict by one number.
std::uint64_t state_dict_hash(const std::vector<named_shape>& entries);

// An .npy file of any numeric type. Throws as fovea::read_npy.
array read_npy(const std::filesystem::path& file);

} // namespace fovea::test
