// Everything that a training run is at one moment, in one safetensors file that also loads as plain weights.
#pragma once

#include <fovea/io/atomic_file.hpp>
#include <fovea/io/checkpoint_names.hpp>
#include <fovea/io/safetensors.hpp>
#include <fovea/io/state_dict.hpp>
#include <fovea/io/write_safetensors.hpp>

#include <charconv>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace fovea {

// What a run needs to go on as if it had never stopped. Names are the caller's.
struct training_state {
    state_dict weights;                                  // parameters and buffers by state-dict key
    state_dict ema;                                      // their averages by the same keys, or empty
    std::map<std::string, std::vector<float>> optimizer; // arrays in graph order, e.g. "momentum"
    std::map<std::string, std::uint64_t> integers;       // e.g. "epoch", "step", a random_state's two numbers
    std::map<std::string, double> numbers;               // e.g. "best_ap", "plateau.best"
    std::map<std::string, std::string> texts;            // anything else
    std::map<std::string, std::string> settings; // model and recipe: what a resumed run must have again
};

namespace detail {

// FNV-1a of 64 bits (Fowler, Noll and Vo), continued from `hash`.
inline std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325u) noexcept {
    for (char c : bytes)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    return hash;
}

// The first bytes of a checkpoint behind its length of 8 bytes. Both numbers are 16 hexadecimal digits at
// fixed places, so that they are found in a file of which only the beginning is left.
inline constexpr std::string_view preamble_begin =
    R"({"__metadata__":{"fovea_checkpoint":"1","file_bytes":")";
inline constexpr std::string_view preamble_middle = R"(","checksum":")";
inline constexpr std::size_t hex_digits = 16;
inline constexpr std::size_t size_place = sizeof(std::uint64_t) + preamble_begin.size();
inline constexpr std::size_t checksum_place = size_place + hex_digits + preamble_middle.size();
inline constexpr std::size_t preamble_size = checksum_place + hex_digits;

inline std::string hex_text(std::uint64_t value) {
    std::string text(hex_digits, '0');
    for (std::size_t i = hex_digits; i-- > 0; value >>= 4)
        text[i] = "0123456789abcdef"[value & 15];
    return text;
}

// The checksum of a whole file: of all bytes but its own digits.
inline std::uint64_t checkpoint_checksum(std::string_view file) noexcept {
    return fnv1a(file.substr(preamble_size), fnv1a(file.substr(0, checksum_place)));
}

template <class Number>
std::string number_text(Number value) {
    char text[32]; // the longest double has 24 characters
    return std::string(text, std::to_chars(text, text + sizeof text, value).ptr); // reads back bit for bit
}

template <class Number>
Number parse_number(const std::string& key, const std::string& text, std::string_view file) {
    Number value{};
    const char* end = text.data() + text.size();
    const auto [last, code] = std::from_chars(text.data(), end, value);
    if (code != std::errc() || last != end)
        throw format_error(std::string(file) + ": '" + key + "': expected a number, found '" + text + "'");
    return value;
}

// One section of the metadata: every name with "<section>." before it.
template <class Map, class Text>
void add_section(metadata_list& metadata, const char* section, const Map& entries, Text&& text) {
    for (const auto& [name, value] : entries)
        metadata.emplace_back(section + ("." + name), text(value));
}

inline void add_tensors(std::vector<stored_tensor>& tensors, const char* prefix, const state_dict& entries) {
    for (const tensor& t : entries)
        tensors.push_back({prefix + t.name, written_type(t.type, dtype::float32), t.shape, t.values});
}

// A whole file. Throws input_error when a weight's key belongs to another section.
inline std::string checkpoint_bytes(const training_state& state) {
    for (const tensor& t : state.weights)
        if (has_prefix(t.name, ema_prefix) || has_prefix(t.name, optimizer_prefix) ||
            t.name == "__metadata__")
            throw input_error("checkpoints keep the name '" + t.name + "' to themselves");
    std::vector<stored_tensor> tensors;
    add_tensors(tensors, "", state.weights);
    add_tensors(tensors, ema_prefix, state.ema);
    for (const auto& [name, values] : state.optimizer)
        tensors.push_back({optimizer_prefix + name, dtype::float32, {values.size()}, values});
    const auto number = [](auto value) { return number_text(value); };
    const auto copy = [](const std::string& text) { return text; };
    metadata_list metadata{
        {checkpoint_key, "1"}, {"file_bytes", hex_text(0)}, {"checksum", hex_text(0)}, {"format", "pt"}};
    add_section(metadata, "integer", state.integers, number);
    add_section(metadata, "number", state.numbers, number);
    add_section(metadata, "text", state.texts, copy);
    add_section(metadata, "setting", state.settings, copy);
    std::string bytes = safetensors_head(tensors, metadata);
    std::size_t size = bytes.size();
    for (const stored_tensor& t : tensors)
        size += t.bytes();
    bytes.reserve(size);
    for (std::size_t i : data_order(tensors))
        append_elements(bytes, tensors[i]);
    bytes.replace(size_place, hex_digits, hex_text(size));
    bytes.replace(checksum_place, hex_digits, hex_text(checkpoint_checksum(bytes)));
    return bytes;
}

// Throws format_error unless the bytes are those that were written, all of them.
inline void check_whole(std::string_view bytes, std::string_view file) {
    const auto fail = [&](const std::string& what) {
        throw format_error(std::string(file) + ": the checkpoint " + what);
    };
    const auto hex_at = [&](std::size_t place) {
        const std::string_view text = bytes.substr(place, hex_digits);
        std::uint64_t value = 0;
        std::from_chars(text.data(), text.data() + text.size(), value, 16);
        if (text != hex_text(value)) // capital letters would be read too
            fail("is corrupt: expected 16 hexadecimal digits at byte " + std::to_string(place));
        return value;
    };
    const std::string_view head = bytes.substr(0, preamble_size);
    if (head.size() < preamble_size)
        fail("is truncated: expected at least " + std::to_string(preamble_size) + " bytes, found " +
             std::to_string(bytes.size()));
    if (head.substr(sizeof(std::uint64_t), preamble_begin.size()) != preamble_begin)
        fail("is corrupt at its beginning, or the file is none of training");
    const std::uint64_t size = hex_at(size_place);
    if (bytes.size() < size)
        fail("is truncated: expected " + std::to_string(size) + " bytes, found " +
             std::to_string(bytes.size()));
    if (bytes.size() > size)
        fail("is corrupt: expected " + std::to_string(size) + " bytes, found " +
             std::to_string(bytes.size()));
    const std::uint64_t expected = hex_at(checksum_place), found = checkpoint_checksum(bytes);
    if (expected != found)
        fail("is corrupt: expected the checksum " + hex_text(expected) + ", found " + hex_text(found));
}

// Moves a tensor into the section that its name says.
inline void place_tensor(training_state& state, tensor entry) {
    const auto without = [&](std::string_view prefix) { entry.name.erase(0, prefix.size()); };
    if (has_prefix(entry.name, ema_prefix)) {
        without(ema_prefix);
        state.ema.insert(std::move(entry));
    } else if (has_prefix(entry.name, optimizer_prefix)) {
        without(optimizer_prefix);
        state.optimizer[entry.name] = std::move(entry.values);
    } else {
        state.weights.insert(std::move(entry));
    }
}

inline void place_string(training_state& state, const std::string& key, const std::string& value,
                         std::string_view file) {
    const std::size_t dot = key.find('.');
    const std::string section = key.substr(0, dot);
    if (dot == std::string::npos)
        return; // the format's own
    const std::string name = key.substr(dot + 1);
    if (section == "integer")
        state.integers[name] = parse_number<std::uint64_t>(key, value, file);
    else if (section == "number")
        state.numbers[name] = parse_number<double>(key, value, file);
    else if (section == "text")
        state.texts[name] = value;
    else if (section == "setting")
        state.settings[name] = value;
}

} // namespace detail

// Writes a checkpoint in one step: a machine that stops at any moment leaves the old file or the new one.
// Needs the file's size in memory. Throws io_error; input_error when a weight is named "ema.…",
// "optimizer.…" or "__metadata__".
inline void save_checkpoint(const std::filesystem::path& path, const training_state& state) {
    write_file_atomically(path, detail::checkpoint_bytes(state));
}

// A checkpoint in memory, every number as it was saved; `file` names it in errors. Throws format_error when
// it is truncated, corrupt or none.
inline training_state load_checkpoint(byte_span bytes, std::string_view file) {
    detail::check_whole(detail::as_text(bytes), file);
    safetensors_file contents = read_safetensors_file(bytes, file);
    training_state state;
    for (tensor& entry : contents.tensors.release())
        detail::place_tensor(state, std::move(entry));
    for (const auto& [key, value] : contents.metadata)
        detail::place_string(state, key, value, file);
    return state;
}

// The same of a file. Throws io_error or format_error.
inline training_state load_checkpoint(const std::filesystem::path& path) {
    const file_bytes bytes = read_file(path);
    return load_checkpoint(byte_span(bytes), path.string());
}

} // namespace fovea
