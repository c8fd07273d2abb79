// The JSON header of a safetensors file: which tensor lies where.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <utility>
#include <vector>

#include "fovea/io/dtype.hpp"
#include "fovea/io/shape.hpp"
#include "fovea/io/text_cursor.hpp"

namespace fovea::detail {

// Longer headers are refused, as by the format's own implementation.
inline constexpr std::size_t max_safetensors_header = 100'000'000;

struct named_element_type {
    std::string_view name;
    dtype type;
};

// The format's names of element types. Its 8-bit floats are not supported.
inline constexpr named_element_type safetensors_types[] = {
    {"F32", dtype::float32},  {"F64", dtype::float64}, {"F16", dtype::float16}, {"BF16", dtype::bfloat16},
    {"U8", dtype::uint8},     {"I8", dtype::int8},     {"U16", dtype::uint16},  {"I16", dtype::int16},
    {"U32", dtype::uint32},   {"I32", dtype::int32},   {"U64", dtype::uint64},  {"I64", dtype::int64},
    {"BOOL", dtype::boolean},
};

// One entry of the header; begin and end count bytes from the end of the header.
struct safetensors_entry {
    std::string name;
    dtype type = dtype::float32;
    std::vector<std::size_t> shape;
    std::size_t begin = 0, end = 0;
};

// Reads exactly the JSON that the format allows: an object of {"dtype", "shape", "data_offsets"} objects and
// an optional "__metadata__" object of strings.
class safetensors_header_parser {
public:
    safetensors_header_parser(std::string_view json, std::string_view file) : cursor_(json, file) {}

    std::vector<safetensors_entry> parse() {
        std::vector<safetensors_entry> entries;
        std::unordered_set<std::string> names;
        object([&](std::string name) {
            if (!names.insert(name).second)
                cursor_.fail("the key '" + name + "' occurs twice");
            if (name == "__metadata__")
                object([&](std::string key) {
                    if (!metadata_.emplace(key, string()).second)
                        cursor_.fail("the metadata have the key '" + key + "' twice");
                });
            else
                entries.push_back(entry(std::move(name)));
        });
        if (!cursor_.at_end())
            cursor_.fail("expected nothing but blanks after the header's object");
        return entries;
    }

    // The metadata that parse() found.
    std::map<std::string, std::string> release_metadata() noexcept { return std::move(metadata_); }

private:
    // Calls value(key) after each key, to read what follows the colon.
    template <class Value>
    void object(Value&& value) {
        cursor_.expect('{');
        if (cursor_.accept('}'))
            return;
        do {
            std::string key = string();
            cursor_.expect(':');
            value(std::move(key));
        } while (cursor_.accept(','));
        cursor_.expect('}');
    }

    safetensors_entry entry(std::string name) {
        safetensors_entry found;
        bool has_type = false, has_shape = false, has_offsets = false;
        object([&](const std::string& key) {
            if (key == "dtype" && !std::exchange(has_type, true))
                found.type = element_type(name);
            else if (key == "shape" && !std::exchange(has_shape, true))
                found.shape = integers(max_rank);
            else if (key == "data_offsets" && !std::exchange(has_offsets, true)) {
                const std::vector<std::size_t> offsets = integers(2);
                if (offsets.size() != 2)
                    cursor_.fail("tensor '" + name + "': expected two data_offsets");
                found.begin = offsets[0];
                found.end = offsets[1];
            } else
                cursor_.fail("tensor '" + name + "': unknown or repeated field '" + key + "'");
        });
        if (!has_type || !has_shape || !has_offsets)
            cursor_.fail("tensor '" + name + "': expected dtype, shape and data_offsets");
        found.name = std::move(name);
        return found;
    }

    dtype element_type(const std::string& tensor) {
        const std::string text = string();
        for (const named_element_type& known : safetensors_types)
            if (known.name == text)
                return known.type;
        cursor_.fail("tensor '" + tensor + "': unsupported dtype '" + text + "'");
    }

    std::vector<std::size_t> integers(std::size_t most) {
        std::vector<std::size_t> numbers;
        cursor_.expect('[');
        if (cursor_.accept(']'))
            return numbers;
        do {
            if (numbers.size() == most)
                cursor_.fail("expected at most " + std::to_string(most) + " numbers");
            numbers.push_back(cursor_.unsigned_integer());
        } while (cursor_.accept(','));
        cursor_.expect(']');
        return numbers;
    }

    std::string string() {
        cursor_.expect('"');
        std::string text;
        for (char c = cursor_.raw(); c != '"'; c = cursor_.raw()) {
            if (static_cast<unsigned char>(c) < 0x20)
                cursor_.fail("a control character inside a string");
            if (c == '\\')
                append_escape(text);
            else
                text += c;
        }
        return text;
    }

    void append_escape(std::string& text) {
        constexpr std::string_view letters = "\"\\/bfnrt", meanings = "\"\\/\b\f\n\r\t";
        const char letter = cursor_.raw();
        if (letter == 'u') {
            append_utf8(text, code_point());
            return;
        }
        const std::size_t which = letters.find(letter);
        if (which == std::string_view::npos)
            cursor_.fail("an unknown escape in a string");
        text += meanings[which];
    }

    std::uint32_t four_hex_digits() {
        std::uint32_t code = 0;
        for (int i = 0; i < 4; ++i) {
            const char c = cursor_.raw();
            const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
            if (digit == std::string_view::npos)
                cursor_.fail("expected four hexadecimal digits");
            code = code * 16 + static_cast<std::uint32_t>(digit < 16 ? digit : digit - 6);
        }
        return code;
    }

    // Characters beyond U+FFFF are written as a pair of surrogates.
    std::uint32_t code_point() {
        const std::uint32_t first = four_hex_digits();
        if (first < 0xd800 || first > 0xdfff)
            return first;
        if (first < 0xdc00 && cursor_.raw() == '\\' && cursor_.raw() == 'u') {
            const std::uint32_t second = four_hex_digits();
            if (second >= 0xdc00 && second <= 0xdfff)
                return 0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00);
        }
        cursor_.fail("half a surrogate pair in a string");
    }

    static void append_utf8(std::string& text, std::uint32_t code) {
        const auto tail = [&](unsigned shift) { text += static_cast<char>(0x80 | ((code >> shift) & 0x3f)); };
        if (code < 0x80) {
            text += static_cast<char>(code);
        } else if (code < 0x800) {
            text += static_cast<char>(0xc0 | (code >> 6));
            tail(0);
        } else if (code < 0x10000) {
            text += static_cast<char>(0xe0 | (code >> 12));
            tail(6);
            tail(0);
        } else {
            text += static_cast<char>(0xf0 | (code >> 18));
            tail(12);
            tail(6);
            tail(0);
        }
    }

    text_cursor cursor_;
    std::map<std::string, std::string> metadata_;
};

} // namespace fovea::detail
