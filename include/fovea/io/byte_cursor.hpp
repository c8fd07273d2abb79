// A bounds-checked reader of little-endian numbers, from which every binary file format is parsed.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include "fovea/error.hpp"
#include "fovea/tensor/view.hpp"

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "fovea reads and writes little-endian files on little-endian machines only"
#endif

namespace fovea {

// The bytes of a file, in memory.
using byte_span = span<const unsigned char>;

namespace detail {

// A T stored at any address; files align nothing.
template <class T>
T load_little(const unsigned char* address) noexcept {
    static_assert(std::is_arithmetic_v<T>);
    T value;
    std::memcpy(&value, address, sizeof(T));
    return value;
}

inline std::string_view as_text(byte_span bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Reads forward through bytes and throws format_error, naming the file and the place, where they end too
// early.
class byte_cursor {
public:
    byte_cursor(byte_span bytes, std::string_view file) noexcept : bytes_(bytes), file_(file) {}

    std::string_view file() const noexcept { return file_; }
    std::size_t position() const noexcept { return position_; }
    std::size_t remaining() const noexcept { return bytes_.size() - position_; }

    [[noreturn]] void fail(const std::string& what) const {
        throw format_error(std::string(file_) + ": " + what + " (at byte " + std::to_string(position_) + ")");
    }

    byte_span take(std::size_t count) {
        if (count > remaining())
            fail("expected " + std::to_string(count) + " more bytes, found " + std::to_string(remaining()));
        byte_span taken = bytes_.subspan(position_, count);
        position_ += count;
        return taken;
    }

    // The rest of the file is parsed from an absolute position.
    void seek(std::size_t position) {
        if (position > bytes_.size())
            fail("a position of " + std::to_string(position) + " lies behind the end at " +
                 std::to_string(bytes_.size()));
        position_ = position;
    }

    template <class T>
    T little() {
        return load_little<T>(take(sizeof(T)).data());
    }

    std::string_view text(std::size_t count) { return as_text(take(count)); }

    // The text up to the next newline, which is consumed but not returned.
    std::string_view line() {
        std::string_view rest = as_text(bytes_.subspan(position_, remaining()));
        const std::size_t length = rest.find('\n');
        if (length == std::string_view::npos)
            fail("expected a line that ends with a newline");
        position_ += length + 1;
        return rest.substr(0, length);
    }

private:
    byte_span bytes_;
    std::string_view file_;
    std::size_t position_ = 0;
};

} // namespace detail
} // namespace fovea
