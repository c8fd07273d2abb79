// The literals of a pickle: numbers, text and bytes, in their textual and binary spellings of protocols 0
// to 5.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/pickle_value.hpp"

namespace fovea::detail {

template <class Number>
Number parse_number(std::string_view digits, const byte_cursor& cursor) {
    Number parsed{};
    const char* end = digits.data() + digits.size();
    const auto [last, code] = std::from_chars(digits.data(), end, parsed);
    if (code != std::errc() || last != end)
        cursor.fail("expected a number, found '" + std::string(digits.substr(0, 40)) + "'");
    return parsed;
}

// A line of INT or LONG: "12", "12L", or "00" and "01", as protocols 0 and 1 write booleans.
inline pickle_value read_decimal_line(byte_cursor& cursor) {
    std::string_view digits = cursor.line();
    if (digits == "00" || digits == "01")
        return digits == "01";
    if (!digits.empty() && digits.back() == 'L')
        digits.remove_suffix(1);
    if (digits.size() > 18) // may not fit 64 bits
        return digits;
    return parse_number<std::int64_t>(digits, cursor);
}

// Two's complement, little-endian, any number of bytes.
inline pickle_value binary_long(byte_span bytes) {
    if (bytes.size() > sizeof(std::int64_t))
        return as_text(bytes);
    std::uint64_t bits = !bytes.empty() && bytes[bytes.size() - 1] >= 0x80 ? ~std::uint64_t{0} : 0;
    for (std::size_t i = bytes.size(); i-- > 0;)
        bits = (bits << 8) | bytes[i];
    return static_cast<std::int64_t>(bits);
}

inline double read_big_endian_double(byte_cursor& cursor) {
    const byte_span bytes = cursor.take(8);
    unsigned char reversed[8];
    for (std::size_t i = 0; i < 8; ++i)
        reversed[i] = bytes[7 - i];
    return load_little<double>(reversed);
}

// Escapes of protocol 0 are kept as they are written: no key of a state dict has any.
inline std::string_view read_quoted_line(byte_cursor& cursor) {
    const std::string_view quoted = cursor.line();
    if (quoted.size() < 2 || (quoted.front() != '\'' && quoted.front() != '"') ||
        quoted.back() != quoted.front())
        cursor.fail("expected quoted text");
    return quoted.substr(1, quoted.size() - 2);
}

// The value of an opcode that stands for itself; nothing for any other opcode.
inline std::optional<pickle_value> read_pickle_literal(unsigned char opcode, byte_cursor& cursor) {
    switch (opcode) {
    case 'N':
        return pickle_none{};
    case 0x88:
        return true; // NEWTRUE
    case 0x89:
        return false; // NEWFALSE
    case 'I':         // INT, LONG
    case 'L':
        return read_decimal_line(cursor);
    case 'J':
        return std::int64_t{cursor.little<std::int32_t>()}; // BININT
    case 'K':
        return std::int64_t{cursor.little<std::uint8_t>()}; // BININT1
    case 'M':
        return std::int64_t{cursor.little<std::uint16_t>()}; // BININT2
    case 0x8a:
        return binary_long(cursor.take(cursor.little<std::uint8_t>())); // LONG1
    case 0x8b:
        return binary_long(cursor.take(cursor.little<std::uint32_t>())); // LONG4
    case 'F':
        return parse_number<double>(cursor.line(), cursor); // FLOAT
    case 'G':
        return read_big_endian_double(cursor); // BINFLOAT
    case 'S':
        return read_quoted_line(cursor); // STRING
    case 'V':
        return cursor.line(); // UNICODE
    case 'U':                 // SHORT_BINSTRING
    case 'C':                 // SHORT_BINBYTES
    case 0x8c:
        return cursor.text(cursor.little<std::uint8_t>()); // SHORT_BINUNICODE
    case 'T':                                              // BINSTRING
    case 'X':                                              // BINUNICODE
    case 'B':
        return cursor.text(cursor.little<std::uint32_t>()); // BINBYTES
    case 0x8d:                                              // BINUNICODE8
    case 0x8e:                                              // BINBYTES8
    case 0x96:
        return cursor.text(cursor.little<std::uint64_t>()); // BYTEARRAY8
    default:
        return std::nullopt;
    }
}

} // namespace fovea::detail
