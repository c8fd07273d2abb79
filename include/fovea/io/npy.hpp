// Reads and writes numpy's .npy files: the arrays that networks are fed with and compared by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "fovea/io/byte_cursor.hpp"
#include "fovea/io/dtype.hpp"
#include "fovea/io/file.hpp"
#include "fovea/io/npy_header.hpp"
#include "fovea/io/shape.hpp"

namespace fovea {

// An array of any supported type: its elements are kept as they were stored, little-endian and in C
// (row-major) order.
struct npy_array {
    dtype type = dtype::float32;
    std::vector<std::size_t> shape; // empty: a scalar, one element
    std::vector<unsigned char> bytes;

    std::size_t size() const noexcept { return bytes.size() / element_size(type); }

    // The elements as T. Throws input_error for floating-point elements and an integer T.
    template <class T>
    std::vector<T> values() const {
        static_assert(std::is_arithmetic_v<T>);
        if (std::is_integral_v<T> && is_floating_point(type))
            throw input_error("expected an array of integers, found " + std::string(dtype_name(type)));
        std::vector<T> converted(size());
        detail::with_stored_type(type, [&](auto stored) {
            using stored_type = decltype(stored);
            if constexpr (!(std::is_integral_v<T> && std::is_floating_point_v<stored_type>))
                for (std::size_t i = 0; i < converted.size(); ++i)
                    converted[i] =
                        detail::element_as<T, stored_type>(type, bytes.data() + i * sizeof(stored_type));
        });
        return converted;
    }
};

namespace detail {

// Elements in Fortran (column-major) order, turned into C order. `bytes` holds a whole array of that shape.
inline std::vector<unsigned char> from_fortran_order(byte_span bytes, const std::vector<std::size_t>& shape,
                                                     std::size_t element) {
    std::vector<unsigned char> ordered(bytes.size());
    std::vector<std::size_t> index(shape.size(), 0), stride(shape.size(), 1);
    for (std::size_t axis = 1; axis < shape.size(); ++axis)
        stride[axis] = stride[axis - 1] * shape[axis - 1];
    std::size_t source = 0;
    for (std::size_t target = 0; target < bytes.size(); target += element) {
        std::memcpy(ordered.data() + target, bytes.data() + source * element, element);
        for (std::size_t axis = shape.size(); axis-- > 0;) {
            source += stride[axis];
            if (++index[axis] < shape[axis])
                break;
            source -= shape[axis] * stride[axis];
            index[axis] = 0;
        }
    }
    return ordered;
}

} // namespace detail

// An .npy file in memory, format versions 1 to 3; `file` names it in errors. Throws format_error.
// Source of the format: numpy/lib/format.py.
inline npy_array read_npy(byte_span bytes, std::string_view file) {
    detail::byte_cursor cursor(bytes, file);
    detail::npy_header header = detail::read_npy_header(cursor);
    const auto count = detail::element_count(header.shape);
    const auto size = count ? detail::checked_product(*count, element_size(header.type)) : std::nullopt;
    if (size != cursor.remaining())
        cursor.fail("the shape " + detail::shape_text(header.shape) + " of " +
                    std::string(dtype_name(header.type)) + " does not fit the " +
                    std::to_string(cursor.remaining()) + " bytes that follow the header");
    const byte_span data = cursor.take(*size);
    npy_array array{header.type, std::move(header.shape), {}};
    if (header.fortran_order)
        array.bytes = detail::from_fortran_order(data, array.shape, element_size(array.type));
    else
        array.bytes.assign(data.begin(), data.end());
    return array;
}

// The same of a file. Throws io_error or format_error.
inline npy_array read_npy(const std::filesystem::path& path) {
    const file_bytes bytes = read_file(path);
    return read_npy(byte_span(bytes), path.string());
}

// Writes an array in C order, as format version 1. T: float, double, std::int64_t, std::int32_t or
// std::uint8_t. The file appears whole or not at all. Throws io_error; input_error when shape and values
// disagree.
template <class T>
void write_npy(const std::filesystem::path& path, span<const T> values,
               const std::vector<std::size_t>& shape) {
    if (detail::element_count(shape) != values.size())
        throw input_error("an array of shape " + detail::shape_text(shape) + " has " +
                          std::to_string(values.size()) + " values");
    write_file(path, [&](std::ostream& stream) {
        stream << detail::npy_header_text(detail::npy_description<T>(), shape);
        stream.write(reinterpret_cast<const char*>(values.data()),
                     static_cast<std::streamsize>(values.size() * sizeof(T)));
    });
}

template <class T>
void write_npy(const std::filesystem::path& path, const std::vector<T>& values,
               const std::vector<std::size_t>& shape) {
    write_npy(path, span<const T>(values), shape);
}

} // namespace fovea
