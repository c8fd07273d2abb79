#include "support/golden.hpp"

#include <fovea/io/npy.hpp>

#include <nlohmann/json.hpp>

#include <fstream>
#include <iterator>
#include <stdexcept>

namespace fovea::test {
namespace {

using nlohmann::json;
namespace fs = std::filesystem;

std::string read_bytes(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    if (!in)
        throw std::runtime_error(file.string() + ": cannot be opened");
    return {std::istreambuf_iterator<char>(in), {}};
}

// An array in a manifest: the name of an .npy file beside it, or (in our own goldens) its numbers.
array read_array(const fs::path& folder, const json& value, shape_type shape) {
    if (value.is_string())
        return read_npy(folder / value.get<std::string>());
    return {std::move(shape), value.get<std::vector<double>>()};
}

golden_output read_output(const fs::path& folder, const json& entry) {
    golden_output output;
    output.name = entry.at("name").get<std::string>();
    output.shape = entry.at("shape").get<shape_type>();
    output.integer = entry.at("dtype").get<std::string>().find("int") != std::string::npos;
    output.mean = entry.value("mean", 0.0);
    output.std = entry.value("std", 0.0);
    output.min = entry.value("min", 0.0);
    output.max = entry.value("max", 0.0);
    output.l2 = entry.value("l2", 0.0);
    output.samples = entry.value("samples", std::vector<double>());
    if (entry.contains("f64_max_abs_err"))
        output.noise = entry["f64_max_abs_err"].get<double>();
    if (entry.contains("npy"))
        output.full = read_array(folder, entry["npy"], output.shape);
    return output;
}

golden_detections read_detections(const fs::path& folder, const json& entry) {
    const auto count = entry.at("count").get<std::size_t>();
    golden_detections found{entry.at("name").get<std::string>(),
                            read_array(folder, entry.at("boxes"), {count, 4}),
                            read_array(folder, entry.at("scores"), {count}),
                            read_array(folder, entry.at("labels"), {count}), std::nullopt};
    if (entry.contains("box_atol"))
        found.box_atol = entry["box_atol"].get<double>();
    return found;
}

golden_input read_input(const json& entry) {
    return {entry.value("name", ""),   entry.value("shape", shape_type()),
            entry.value("stream", ""), entry.value("rule", ""),
            entry.value("npy", ""),    entry.value("image", "")};
}

golden_case parse_case(const fs::path& folder, const json& manifest) {
    golden_case parsed;
    parsed.folder = folder;
    parsed.name = manifest.at("case").get<std::string>();
    parsed.model = manifest.value("model", "");
    const json fill = manifest.value("fill", json::object());
    parsed.prefix = fill.value("prefix", "");
    parsed.gain.gain = fill.value("gain", 1.0);
    for (const json& entry : fill.value("gain_prefix", json::array()))
        parsed.gain.by_prefix.emplace_back(entry.at(0).get<std::string>(), entry.at(1).get<double>());
    for (const json& entry : manifest.value("input", json::array()))
        parsed.inputs.push_back(read_input(entry));
    for (const json& entry : manifest.value("state_dict", json::array()))
        parsed.state_dict.push_back({entry.at(0).get<std::string>(), entry.at(1).get<shape_type>()});
    if (manifest.contains("state_dict_fnv1a64"))
        parsed.state_dict_hash = std::stoull(manifest["state_dict_fnv1a64"].get<std::string>(), nullptr, 16);
    const json settings = manifest.value("settings", json::object());
    for (const auto& [key, value] : settings.items())
        if (value.is_number())
            parsed.settings[key] = value.get<double>();
    parsed.param_count = manifest.value("param_count", std::size_t(0));
    parsed.macs_per_image = manifest.value("macs_per_image", std::size_t(0));
    for (const json& entry : manifest.at("outputs"))
        if (entry.value("kind", "") == "detections")
            parsed.detections.push_back(read_detections(folder, entry));
        else
            parsed.outputs.push_back(read_output(folder, entry));
    return parsed;
}

template <class T>
const T& find_by_name(const std::vector<T>& items, std::string_view name, const std::string& case_name) {
    for (const T& item : items)
        if (item.name == name)
            return item;
    throw std::out_of_range("golden " + case_name + " has no entry " + std::string(name));
}

} // namespace

array golden_case::input(std::string_view input_name) const {
    const golden_input& found = find_by_name(inputs, input_name, name);
    if (!found.npy.empty())
        return read_npy(folder / found.npy);
    return {found.shape, fill_input(found.shape, parse_input_rule(found.rule), found.stream, prefix)};
}

const golden_output& golden_case::output(std::string_view output_name) const {
    return find_by_name(outputs, output_name, name);
}

const golden_detections& golden_case::detection(std::string_view output_name) const {
    return find_by_name(detections, output_name, name);
}

std::vector<named_tensor> golden_case::parameters(const std::vector<named_shape>& entries) const {
    return fill_state_dict(entries.empty() ? state_dict : entries, gain, prefix);
}

golden_case read_golden(const fs::path& manifest) {
    try {
        return parse_case(manifest.parent_path(), json::parse(read_bytes(manifest)));
    } catch (const json::exception& e) {
        throw std::runtime_error(manifest.string() + ": " + e.what());
    }
}

std::optional<fs::path> golden_dir() {
    const fs::path goldens = fs::path(FOVEA_SHARED_DIR) / "reference" / "goldens";
    return fs::is_directory(goldens) ? std::optional(goldens) : std::nullopt;
}

std::optional<golden_case> shared_golden(std::string_view kind, std::string_view name) {
    const auto goldens = golden_dir();
    if (!goldens)
        return std::nullopt;
    const fs::path manifest = *goldens / kind / name / "manifest.json";
    return fs::exists(manifest) ? std::optional(read_golden(manifest)) : std::nullopt;
}

golden_case own_golden(std::string_view topic, std::string_view name) {
    return read_golden(fs::path(FOVEA_TEST_DATA) / topic / (std::string(name) + ".json"));
}

std::uint64_t state_dict_hash(const std::vector<named_shape>& entries) {
    std::string lines;
    for (const auto& [name, shape] : entries) {
        lines += name + ":";
        for (std::size_t axis = 0; axis < shape.size(); ++axis)
            lines += (axis > 0 ? "," : "") + std::to_string(shape[axis]);
        lines += "\n";
    }
    return fnv1a64(lines);
}

array read_npy(const fs::path& file) {
    const npy_array stored = fovea::read_npy(file);
    return {stored.shape, stored.values<double>()};
}

} // namespace fovea::test
