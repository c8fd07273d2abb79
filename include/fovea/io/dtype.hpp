// The element types that weight files hold, and their conversion to the float that networks compute with.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/half.hpp"
#include "fovea/tensor/view.hpp"

namespace fovea {

// Names and order are torch's; the q types are its quantised integers.
enum class dtype : std::uint8_t {
    float32,
    float64,
    float16,
    bfloat16,
    uint8,
    int8,
    uint16,
    int16,
    uint32,
    int32,
    uint64,
    int64,
    boolean,
    qint8,
    quint8,
    qint32
};

namespace detail {

struct dtype_facts {
    std::string_view name;
    std::size_t bytes;
};

inline constexpr std::array<dtype_facts, 16> dtype_table{{
    {"float32", 4},
    {"float64", 8},
    {"float16", 2},
    {"bfloat16", 2},
    {"uint8", 1},
    {"int8", 1},
    {"uint16", 2},
    {"int16", 2},
    {"uint32", 4},
    {"int32", 4},
    {"uint64", 8},
    {"int64", 8},
    {"bool", 1},
    {"qint8", 1},
    {"quint8", 1},
    {"qint32", 4},
}};

} // namespace detail

// torch's name of the type, e.g. "bfloat16".
constexpr std::string_view dtype_name(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].name;
}

// Bytes of one element.
constexpr std::size_t element_size(dtype type) noexcept {
    return detail::dtype_table[static_cast<std::size_t>(type)].bytes;
}

constexpr bool is_quantized(dtype type) noexcept {
    return type == dtype::qint8 || type == dtype::quint8 || type == dtype::qint32;
}

constexpr bool is_floating_point(dtype type) noexcept {
    return type <= dtype::bfloat16;
}

namespace detail {

// Calls use(T{}) with the C++ type whose bytes a dtype's elements are; 16-bit floats are seen as their bits.
template <class Use>
decltype(auto) with_stored_type(dtype type, Use&& use) {
    switch (type) {
    case dtype::float32:
        return use(float{});
    case dtype::float64:
        return use(double{});
    case dtype::int8:
    case dtype::qint8:
        return use(std::int8_t{});
    case dtype::uint16:
    case dtype::float16:
    case dtype::bfloat16:
        return use(std::uint16_t{});
    case dtype::int16:
        return use(std::int16_t{});
    case dtype::uint32:
        return use(std::uint32_t{});
    case dtype::int32:
    case dtype::qint32:
        return use(std::int32_t{});
    case dtype::uint64:
        return use(std::uint64_t{});
    case dtype::int64:
        return use(std::int64_t{});
    case dtype::uint8:
    case dtype::boolean:
    case dtype::quint8:
        break;
    }
    return use(std::uint8_t{});
}

// One element of type `type`, stored as T, as a number of type To.
template <class To, class T>
To element_as(dtype type, const unsigned char* address) noexcept {
    const T stored = load_little<T>(address);
    if constexpr (std::is_same_v<T, std::uint16_t>) {
        if (type == dtype::float16)
            return static_cast<To>(half_to_float(stored));
        if (type == dtype::bfloat16)
            return static_cast<To>(bfloat16_to_float(stored));
    }
    if (type == dtype::boolean)
        return static_cast<To>(stored != 0);
    return static_cast<To>(stored);
}

// values.size() packed elements at `source`, at any alignment, as floats. Quantised integers come as they are
// stored.
inline void convert_to_float(dtype type, const unsigned char* source, span<float> values) {
    if (values.empty())
        return;
    if (type == dtype::float32) {
        std::memcpy(values.data(), source, values.size() * sizeof(float));
        return;
    }
    with_stored_type(type, [&](auto stored) {
        using stored_type = decltype(stored);
        for (std::size_t i = 0; i < values.size(); ++i)
            values[i] = element_as<float, stored_type>(type, source + i * sizeof(stored_type));
    });
}

} // namespace detail
} // namespace fovea
