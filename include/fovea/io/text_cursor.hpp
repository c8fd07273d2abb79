// A reader of the small textual headers inside binary files: safetensors' JSON and npy's Python literal.
#pragma once

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "fovea/error.hpp"

namespace fovea::detail {

// Reads tokens forward, skipping blanks before each, and throws format_error where something else is found.
class text_cursor {
public:
    text_cursor(std::string_view text, std::string_view file) noexcept : text_(text), file_(file) {}

    [[noreturn]] void fail(const std::string& what) const {
        throw format_error(std::string(file_) + ": " + what + " (at character " + std::to_string(position_) +
                           " of the header)");
    }

    // The next character that is not a blank, or 0 at the end.
    char peek() noexcept {
        while (position_ < text_.size() && is_blank(text_[position_]))
            ++position_;
        return position_ < text_.size() ? text_[position_] : '\0';
    }

    bool at_end() noexcept {
        peek();
        return position_ == text_.size();
    }

    // Consumes `wanted` if it is next.
    bool accept(char wanted) noexcept {
        if (at_end() || text_[position_] != wanted)
            return false;
        ++position_;
        return true;
    }

    void expect(char wanted) {
        if (!accept(wanted))
            fail(std::string("expected '") + wanted + "'");
    }

    bool accept_word(std::string_view word) noexcept {
        peek();
        if (text_.substr(position_, word.size()) != word)
            return false;
        position_ += word.size();
        return true;
    }

    // A decimal number without sign, fraction or leading zeros that fits 63 bits.
    std::uint64_t unsigned_integer() {
        peek();
        std::uint64_t number = 0;
        const char* first = text_.data() + position_;
        const auto [last, code] = std::from_chars(first, text_.data() + text_.size(), number);
        const auto length = static_cast<std::size_t>(last - first);
        if (code != std::errc() || number > INT64_MAX || (length > 1 && *first == '0'))
            fail("expected a whole number");
        position_ += length;
        return number;
    }

    // The next character as it is, blanks included.
    char raw() {
        if (position_ == text_.size())
            fail("the header ends inside a string");
        return text_[position_++];
    }

private:
    static bool is_blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

    std::string_view text_;
    std::string_view file_;
    std::size_t position_ = 0;
};

} // namespace fovea::detail
