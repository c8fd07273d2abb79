// The header of an .npy file: a magic number and a Python literal with type, order and shape.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/dtype.hpp"
#include "fovea/io/shape.hpp"
#include "fovea/io/text_cursor.hpp"

namespace fovea::detail {

inline constexpr std::string_view npy_magic = "\x93NUMPY";

struct npy_header {
    dtype type = dtype::float32;
    bool fortran_order = false;
    std::vector<std::size_t> shape;
};

struct named_npy_type {
    std::string_view name; // without the byte order
    dtype type;
};

inline constexpr named_npy_type npy_types[] = {
    {"f4", dtype::float32}, {"f8", dtype::float64}, {"f2", dtype::float16}, {"u1", dtype::uint8},
    {"i1", dtype::int8},    {"u2", dtype::uint16},  {"i2", dtype::int16},   {"u4", dtype::uint32},
    {"i4", dtype::int32},   {"u8", dtype::uint64},  {"i8", dtype::int64},   {"b1", dtype::boolean},
};

// Reads a dictionary of exactly the keys descr, fortran_order and shape, in any order.
class npy_header_parser {
public:
    npy_header_parser(std::string_view text, std::string_view file) : cursor_(text, file) {}

    npy_header parse() {
        npy_header header;
        bool has_type = false, has_order = false, has_shape = false;
        cursor_.expect('{');
        while (!cursor_.accept('}')) {
            const std::string key = string();
            cursor_.expect(':');
            if (key == "descr" && !std::exchange(has_type, true))
                header.type = element_type();
            else if (key == "fortran_order" && !std::exchange(has_order, true))
                header.fortran_order = boolean();
            else if (key == "shape" && !std::exchange(has_shape, true))
                header.shape = shape();
            else
                cursor_.fail("unknown or repeated key '" + key + "'");
            if (!cursor_.accept(',') && cursor_.peek() != '}')
                cursor_.fail("expected ',' or '}'");
        }
        if (!has_type || !has_order || !has_shape || !cursor_.at_end())
            cursor_.fail("expected a dictionary of descr, fortran_order and shape");
        return header;
    }

private:
    std::string string() {
        const char quote = cursor_.peek();
        if (quote != '\'' && quote != '"')
            cursor_.fail("expected text in quotes (arrays of records are not supported)");
        cursor_.expect(quote);
        std::string text;
        for (char c = cursor_.raw(); c != quote; c = cursor_.raw())
            text += c;
        return text;
    }

    // '<f4': byte order, then kind and size. Single bytes have no order: '|u1'.
    dtype element_type() {
        const std::string text = string();
        if (text.size() > 1 && (text[0] == '<' || text[0] == '|'))
            for (const named_npy_type& known : npy_types)
                if (known.name == std::string_view(text).substr(1) && (text[0] == '<') == (text[2] != '1'))
                    return known.type;
        cursor_.fail("expected a little-endian number type, found '" + text + "'");
    }

    bool boolean() {
        if (cursor_.accept_word("True"))
            return true;
        if (!cursor_.accept_word("False"))
            cursor_.fail("expected True or False");
        return false;
    }

    std::vector<std::size_t> shape() {
        std::vector<std::size_t> extents;
        cursor_.expect('(');
        while (!cursor_.accept(')')) {
            if (extents.size() == max_rank)
                cursor_.fail("expected at most 64 axes");
            extents.push_back(cursor_.unsigned_integer());
            cursor_.accept('L'); // Python 2 wrote long integers so
            if (!cursor_.accept(',') && (cursor_.peek() != ')' || extents.size() == 1))
                cursor_.fail("expected ',' in a tuple");
        }
        return extents;
    }

    text_cursor cursor_;
};

// The cursor stands at the data afterwards.
inline npy_header read_npy_header(byte_cursor& cursor) {
    if (cursor.remaining() < npy_magic.size() || cursor.text(npy_magic.size()) != npy_magic)
        cursor.fail("not an .npy file");
    const auto version = cursor.little<std::uint8_t>();
    const auto minor_version = cursor.little<std::uint8_t>();
    if (version < 1 || version > 3 || minor_version != 0)
        cursor.fail("expected .npy version 1.0, 2.0 or 3.0, found " + std::to_string(version) + "." +
                    std::to_string(minor_version));
    const std::size_t size = version == 1 ? cursor.little<std::uint16_t>() : cursor.little<std::uint32_t>();
    return npy_header_parser(cursor.text(size), cursor.file()).parse();
}

template <class T>
constexpr std::string_view npy_description() noexcept {
    if constexpr (std::is_same_v<T, float>)
        return "<f4";
    else if constexpr (std::is_same_v<T, double>)
        return "<f8";
    else if constexpr (std::is_same_v<T, std::int64_t>)
        return "<i8";
    else if constexpr (std::is_same_v<T, std::int32_t>)
        return "<i4";
    else {
        static_assert(std::is_same_v<T, std::uint8_t>, "write_npy: float, double, int64, int32 or uint8");
        return "|u1";
    }
}

// Magic number, version 1.0, and the literal, padded with blanks to a multiple of 64 bytes as numpy does.
inline std::string npy_header_text(std::string_view description, const std::vector<std::size_t>& shape) {
    std::string literal = "{'descr': '" + std::string(description) + "', 'fortran_order': False, 'shape': (";
    for (std::size_t axis = 0; axis < shape.size(); ++axis)
        literal += std::to_string(shape[axis]) + (shape.size() == 1         ? ","
                                                  : axis + 1 < shape.size() ? ", "
                                                                            : "");
    literal += "), }";
    constexpr std::size_t prologue = 10, alignment = 64; // magic number, version and the literal's length
    while ((prologue + literal.size() + 1) % alignment != 0)
        literal += ' ';
    literal += '\n';
    std::string header(npy_magic);
    header += {'\1', '\0', static_cast<char>(literal.size() & 0xff), static_cast<char>(literal.size() >> 8)};
    return header + literal;
}

} // namespace fovea::detail
