// Reads and writes safetensors files, the format for weights that need no unpickling.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/safetensors_header.hpp"
#include "fovea/io/state_dict.hpp"

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

// The tensors of a safetensors file in memory, in the order of its header; `file` names it in errors. Throws
// format_error. Source of the format: https://github.com/huggingface/safetensors, README.
inline state_dict read_safetensors(byte_span bytes, std::string_view file) {
    detail::byte_cursor cursor(bytes, file);
    const auto header_size = cursor.little<std::uint64_t>();
    if (header_size > detail::max_safetensors_header)
        cursor.fail("expected a header of at most 100 MB, found " + std::to_string(header_size) + " bytes");
    const std::string_view json = cursor.text(header_size);
    if (json.empty() || json.front() != '{')
        cursor.fail("expected a JSON object as header");
    auto entries = detail::safetensors_header_parser(json, file).parse();
    const byte_span data = cursor.take(cursor.remaining());
    detail::check_coverage(entries, data.size(), file);
    state_dict weights;
    for (detail::safetensors_entry& entry : entries) {
        const std::size_t count = (entry.end - entry.begin) / element_size(entry.type);
        tensor value{std::move(entry.name), entry.type, std::move(entry.shape), std::vector<float>(count)};
        detail::convert_to_float(entry.type, data.data() + entry.begin, value.values);
        weights.insert(std::move(value));
    }
    return weights;
}

// The same of a file. Throws io_error or format_error.
inline state_dict read_safetensors(const std::filesystem::path& path) {
    const file_bytes bytes = read_file(path);
    return read_safetensors(byte_span(bytes), path.string());
}

namespace detail {

inline std::string json_string(std::string_view text) {
    std::string quoted = "\"";
    for (char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            constexpr char digits[] = "0123456789abcdef";
            quoted += {'\\', 'u', '0', '0', digits[c >> 4], digits[c & 15]};
            continue;
        }
        if (c == '"' || c == '\\')
            quoted += '\\';
        quoted += c;
    }
    return quoted + '"';
}

// Counters and other integers keep their type; every other tensor is written as `floats`.
inline dtype written_type(const tensor& entry, dtype floats) noexcept {
    return is_floating_point(entry.type) || is_quantized(entry.type) ? floats : entry.type;
}

template <class Stored>
void append_element(std::string& bytes, Stored value) {
    char stored[sizeof(Stored)];
    std::memcpy(stored, &value, sizeof(Stored));
    bytes.append(stored, sizeof(Stored));
}

// The integer that a float stands for; beyond the type's range its nearest end, and the lowest for a NaN.
template <class Integer>
Integer saturated(float value) noexcept {
    constexpr auto low = static_cast<float>(std::numeric_limits<Integer>::min());
    constexpr auto high = static_cast<float>(std::numeric_limits<Integer>::max());
    if (!(value > low))
        return std::numeric_limits<Integer>::min();
    return value >= high ? std::numeric_limits<Integer>::max() : static_cast<Integer>(value);
}

inline std::string stored_elements(const tensor& entry, dtype type) {
    std::string bytes;
    bytes.reserve(entry.values.size() * element_size(type));
    if (type == dtype::float16) {
        for (float value : entry.values) {
            const std::uint16_t half = float_to_half(value);
            if (std::isfinite(value) && (half & 0x7fffu) == 0x7c00u)
                throw input_error("tensor '" + entry.name + "': " + std::to_string(value) +
                                  " is too large for float16");
            append_element(bytes, half);
        }
        return bytes;
    }
    if (type == dtype::boolean) {
        for (float value : entry.values)
            bytes += value != 0 ? '\1' : '\0';
        return bytes;
    }
    with_stored_type(type, [&](auto stored) {
        for (float value : entry.values) {
            if constexpr (std::is_integral_v<decltype(stored)>)
                append_element(bytes, saturated<decltype(stored)>(value));
            else
                append_element(bytes, static_cast<decltype(stored)>(value));
        }
    });
    return bytes;
}

inline std::string safetensors_header(const state_dict& weights, dtype floats) {
    std::string json = R"({"__metadata__":{"format":"pt"})";
    std::size_t offset = 0;
    for (const tensor& entry : weights) {
        const dtype type = written_type(entry, floats);
        std::string_view type_name;
        for (const named_element_type& known : safetensors_types)
            if (known.type == type)
                type_name = known.name;
        const std::size_t end = offset + entry.values.size() * element_size(type);
        json += "," + json_string(entry.name) + R"(:{"dtype":")" + std::string(type_name) + R"(","shape":)" +
                shape_text(entry.shape) + R"(,"data_offsets":[)" + std::to_string(offset) + "," +
                std::to_string(end) + "]}";
        offset = end;
    }
    json += '}';
    while (json.size() % 8 != 0) // so that the data, which follow 8 + size bytes, are aligned
        json += ' ';
    return json;
}

} // namespace detail

// Writes weights with floats as `floats`: float32 or float16 (rounded to nearest). Integer tensors keep their
// type. The file appears whole or not at all. Throws io_error; input_error when `floats` is another type or a
// value is too large for float16.
inline void write_safetensors(const std::filesystem::path& path, const state_dict& weights,
                              dtype floats = dtype::float32) {
    if (floats != dtype::float32 && floats != dtype::float16)
        throw input_error("safetensors are written as float32 or float16, not as " +
                          std::string(dtype_name(floats)));
    if (weights.contains("__metadata__"))
        throw input_error("safetensors keep the name '__metadata__' to themselves");
    write_file(path, [&](std::ostream& stream) {
        const std::string header = detail::safetensors_header(weights, floats);
        std::string size;
        detail::append_element(size, std::uint64_t{header.size()});
        stream << size << header;
        for (const tensor& entry : weights)
            stream << detail::stored_elements(entry, detail::written_type(entry, floats));
    });
}

} // namespace fovea
