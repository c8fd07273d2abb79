// Dense float tensors from the strided, possibly quantised views that a checkpoint describes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "fovea/io/dtype.hpp"
#include "fovea/io/shape.hpp"
#include "fovea/io/state_dict.hpp"

namespace fovea::detail {

// real = (stored - zero_point) * scale, one pair for the tensor or one for each index along `axis`.
// Source: torch's aten/src/ATen/native/quantized/AffineQuantizer.cpp.
struct quantization {
    std::vector<float> scales; // empty: not quantised
    std::vector<double> zero_points;
    std::size_t axis = 0;
    bool per_channel = false;
};

// A checked view: every index of `shape` lies inside of `storage`.
struct strided_tensor {
    dtype type = dtype::float32;
    byte_span storage;
    std::size_t offset = 0; // in elements, as the strides
    std::vector<std::size_t> shape, strides;
    std::size_t count = 0; // of elements
    quantization quantizer;
};

// Whether a view stays inside of a storage of `available` elements. Nothing here can overflow, whatever the
// file says.
inline bool fits_storage(const strided_tensor& view, std::size_t available) noexcept {
    if (view.count == 0)
        return view.offset <= available;
    if (view.offset >= available)
        return false;
    std::size_t last = view.offset;
    for (std::size_t axis = 0; axis < view.shape.size(); ++axis) {
        const std::size_t steps = view.shape[axis] - 1, stride = view.strides[axis];
        if (steps != 0 && stride > (available - 1 - last) / steps)
            return false;
        last += steps * stride;
    }
    return true;
}

inline bool is_contiguous(const strided_tensor& view) noexcept {
    std::size_t expected = 1;
    for (std::size_t axis = view.shape.size(); axis-- > 0;) {
        if (view.shape[axis] != 1 && view.strides[axis] != expected)
            return false;
        expected *= view.shape[axis];
    }
    return true;
}

// Copies in row-major order of the indices, wherever the elements lie.
inline void gather(const strided_tensor& view, span<float> values) {
    const std::size_t rank = view.shape.size();
    const std::size_t inner = view.shape[rank - 1], inner_stride = view.strides[rank - 1];
    std::vector<std::size_t> index(rank, 0);
    std::size_t row = view.offset;
    with_stored_type(view.type, [&](auto stored) {
        using stored_type = decltype(stored);
        for (std::size_t done = 0; done < values.size(); done += inner) {
            const unsigned char* source = view.storage.data() + row * sizeof(stored_type);
            for (std::size_t i = 0; i < inner; ++i)
                values[done + i] = element_as<float, stored_type>(
                    view.type, source + i * inner_stride * sizeof(stored_type));
            for (std::size_t axis = rank - 1; axis-- > 0;) {
                row += view.strides[axis];
                if (++index[axis] < view.shape[axis])
                    break;
                row -= view.shape[axis] * view.strides[axis];
                index[axis] = 0;
            }
        }
    });
}

// In place. 8-bit values, and their differences to the zero point, are exact in a float: the only rounding is
// that of the product, as in torch.
inline void dequantize(const strided_tensor& view, span<float> values) noexcept {
    const quantization& quantizer = view.quantizer;
    std::size_t inner = values.size();
    if (quantizer.per_channel) {
        inner = 1;
        for (std::size_t axis = quantizer.axis + 1; axis < view.shape.size(); ++axis)
            inner *= view.shape[axis];
    }
    for (std::size_t first = 0, channel = 0; first < values.size(); first += inner) {
        const float scale = quantizer.scales[channel];
        const double zero_point = quantizer.zero_points[channel];
        for (std::size_t i = first; i < first + inner; ++i)
            values[i] = static_cast<float>(static_cast<double>(values[i]) - zero_point) * scale;
        channel = channel + 1 == quantizer.scales.size() ? 0 : channel + 1;
    }
}

// The tensor that a view shows, dequantised.
inline tensor to_tensor(std::string name, const strided_tensor& view) {
    tensor result{std::move(name), view.type, view.shape, std::vector<float>(view.count)};
    if (view.count == 0)
        return result;
    if (is_contiguous(view))
        convert_to_float(view.type, view.storage.data() + view.offset * element_size(view.type),
                         result.values);
    else
        gather(view, result.values);
    if (!view.quantizer.scales.empty())
        dequantize(view, result.values);
    return result;
}

} // namespace fovea::detail
