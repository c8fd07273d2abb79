// Writes weights as safetensors: what `read_safetensors`, torch and other readers of the format take back.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <limits>
#include <map>
#include <numeric>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "fovea/io/file.hpp"
#include "fovea/io/safetensors_header.hpp"
#include "fovea/io/state_dict.hpp"

namespace fovea {
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
inline dtype written_type(dtype type, dtype floats) noexcept {
    return is_floating_point(type) || is_quantized(type) ? floats : type;
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

// A tensor to write, its numbers elsewhere. `type` is the type in the file.
struct stored_tensor {
    std::string name;
    dtype type = dtype::float32;
    std::vector<std::size_t> shape;
    span<const float> values;

    std::size_t bytes() const noexcept { return values.size() * element_size(type); }
};

inline void append_elements(std::string& bytes, const stored_tensor& entry) {
    if (entry.values.empty())
        return;
    if (entry.type == dtype::float32) {
        bytes.append(reinterpret_cast<const char*>(entry.values.data()), entry.bytes());
        return;
    }
    if (entry.type == dtype::float16) {
        for (float value : entry.values) {
            const std::uint16_t half = float_to_half(value);
            if (std::isfinite(value) && (half & 0x7fffu) == 0x7c00u)
                throw input_error("tensor '" + entry.name + "': " + std::to_string(value) +
                                  " is too large for float16");
            append_element(bytes, half);
        }
        return;
    }
    if (entry.type == dtype::boolean) {
        for (float value : entry.values)
            bytes += value != 0 ? '\1' : '\0';
        return;
    }
    with_stored_type(entry.type, [&](auto stored) {
        for (float value : entry.values) {
            if constexpr (std::is_integral_v<decltype(stored)>)
                append_element(bytes, saturated<decltype(stored)>(value));
            else
                append_element(bytes, static_cast<decltype(stored)>(value));
        }
    });
}

// The order in which data lie: wide elements first, so that each tensor is aligned to its elements, as torch
// wants it. The header keeps the order of the tensors.
inline std::vector<std::size_t> data_order(const std::vector<stored_tensor>& tensors) {
    std::vector<std::size_t> order(tensors.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return element_size(tensors[a].type) > element_size(tensors[b].type);
    });
    return order;
}

using metadata_list = std::vector<std::pair<std::string, std::string>>;

// Length and JSON: everything before the data. Metadata come first and in their order.
inline std::string safetensors_head(const std::vector<stored_tensor>& tensors,
                                    const metadata_list& metadata) {
    std::string json = R"({"__metadata__":{)";
    for (const auto& [key, value] : metadata)
        json += (json.back() == '{' ? "" : ",") + json_string(key) + ':' + json_string(value);
    json += '}';
    std::vector<std::size_t> begins(tensors.size());
    std::size_t end = 0;
    for (std::size_t i : data_order(tensors)) {
        begins[i] = end;
        end += tensors[i].bytes();
    }
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        std::string_view type_name;
        for (const named_element_type& known : safetensors_types)
            if (known.type == tensors[i].type)
                type_name = known.name;
        json += "," + json_string(tensors[i].name) + R"(:{"dtype":")" + std::string(type_name) +
                R"(","shape":)" + shape_text(tensors[i].shape) + R"(,"data_offsets":[)" +
                std::to_string(begins[i]) + "," + std::to_string(begins[i] + tensors[i].bytes()) + "]}";
    }
    json += '}';
    while (json.size() % 8 != 0) // so that the data, which follow 8 + size bytes, are aligned
        json += ' ';
    std::string head;
    append_element(head, std::uint64_t{json.size()});
    return head + json;
}

} // namespace detail

// Writes weights with floats as `floats`: float32 or float16 (rounded to nearest, ties to even). Integer
// tensors such as num_batches_tracked keep their type. `metadata` are strings for the file's `__metadata__`,
// beside "format": "pt". The file appears whole or not at all. Throws io_error; input_error when `floats` is
// another type or a finite value is too large for float16, naming the key.
inline void write_safetensors(const std::filesystem::path& path, const state_dict& weights,
                              dtype floats = dtype::float32,
                              const std::map<std::string, std::string>& metadata = {}) {
    if (floats != dtype::float32 && floats != dtype::float16)
        throw input_error("safetensors are written as float32 or float16, not as " +
                          std::string(dtype_name(floats)));
    if (weights.contains("__metadata__"))
        throw input_error("safetensors keep the name '__metadata__' to themselves");
    std::vector<detail::stored_tensor> tensors;
    for (const tensor& entry : weights)
        tensors.push_back({entry.name, detail::written_type(entry.type, floats), entry.shape, entry.values});
    detail::metadata_list strings(metadata.begin(), metadata.end());
    if (metadata.count("format") == 0)
        strings.insert(strings.begin(), {"format", "pt"});
    write_file(path, [&](std::ostream& stream) {
        stream << detail::safetensors_head(tensors, strings);
        std::string bytes;
        for (std::size_t i : detail::data_order(tensors)) {
            bytes.clear();
            detail::append_elements(bytes, tensors[i]);
            stream << bytes;
        }
    });
}

} // namespace fovea
