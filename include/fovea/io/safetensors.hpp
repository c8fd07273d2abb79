// Reads safetensors files, the format for weights that need no unpickling; brings their writer along.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/safetensors_header.hpp"
#include "fovea/io/state_dict.hpp"
#include "fovea/io/write_safetensors.hpp"

namespace fovea {
namespace detail {

// The format wants the tensors to cover the data without gaps and overlaps.
inline void check_coverage(const std::vector<safetensors_entry>& entries, std::size_t size,
                           std::string_view file) {
    std::vector<const safetensors_entry*> order;
    for (const safetensors_entry& entry : entries)
        order.push_back(&entry);
    std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
        return std::pair(a->begin, a->end) < std::pair(b->begin, b->end);
    });
    std::size_t expected = 0;
    for (const safetensors_entry* entry : order) {
        const auto count = element_count(entry->shape);
        const auto bytes = count ? checked_product(*count, element_size(entry->type)) : std::nullopt;
        if (entry->begin != expected || entry->end < entry->begin || entry->end > size)
            throw format_error(std::string(file) + ": tensor '" + entry->name +
                               "': expected data from byte " + std::to_string(expected) + " to at most " +
                               std::to_string(size) + ", found " + std::to_string(entry->begin) + " to " +
                               std::to_string(entry->end));
        if (bytes != entry->end - entry->begin)
            throw format_error(std::string(file) + ": tensor '" + entry->name + "': the shape " +
                               shape_text(entry->shape) + " of " + std::string(dtype_name(entry->type)) +
                               " does not fill " + std::to_string(entry->end - entry->begin) + " bytes");
        expected = entry->end;
    }
    if (expected != size)
        throw format_error(std::string(file) + ": expected " + std::to_string(expected) +
                           " bytes of data, found " + std::to_string(size));
}

} // namespace detail

// What a safetensors file holds.
struct safetensors_file {
    std::map<std::string, std::string> metadata; // the strings of `__metadata__`
    state_dict tensors;                          // in the order of the header
};

// A safetensors file in memory with its metadata; `file` names it in errors. Throws format_error. Source of
// the format: https://github.com/huggingface/safetensors, README.
inline safetensors_file read_safetensors_file(byte_span bytes, std::string_view file) {
    detail::byte_cursor cursor(bytes, file);
    const auto header_size = cursor.little<std::uint64_t>();
    if (header_size > detail::max_safetensors_header)
        cursor.fail("expected a header of at most 100 MB, found " + std::to_string(header_size) + " bytes");
    const std::string_view json = cursor.text(header_size);
    if (json.empty() || json.front() != '{')
        cursor.fail("expected a JSON object as header");
    detail::safetensors_header_parser parser(json, file);
    auto entries = parser.parse();
    const byte_span data = cursor.take(cursor.remaining());
    detail::check_coverage(entries, data.size(), file);
    safetensors_file found;
    found.metadata = parser.release_metadata();
    for (detail::safetensors_entry& entry : entries) {
        const std::size_t count = (entry.end - entry.begin) / element_size(entry.type);
        tensor value{std::move(entry.name), entry.type, std::move(entry.shape), std::vector<float>(count)};
        detail::convert_to_float(entry.type, data.data() + entry.begin, value.values);
        found.tensors.insert(std::move(value));
    }
    return found;
}

// The tensors alone, in the order of the header.
inline state_dict read_safetensors(byte_span bytes, std::string_view file) {
    return read_safetensors_file(bytes, file).tensors;
}

// The same of a file. Throws io_error or format_error.
inline state_dict read_safetensors(const std::filesystem::path& path) {
    const file_bytes bytes = read_file(path);
    return read_safetensors(byte_span(bytes), path.string());
}

} // namespace fovea
