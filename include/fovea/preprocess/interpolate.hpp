// PyTorch's interpolate without antialiasing, for any number of interleaved channels.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include <fovea/arch.hpp>
#include <fovea/error.hpp>
#include <fovea/preprocess/taps.hpp>
#include <fovea/tensor/view.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace resampling {

// Calls store(x, channel, value) for every value of an output row of columns.size() pixels. `rows` are the
// source rows that `vertical` names. Sums are double, as many enlarged 8-bit values lie halfway between two,
// and the last bit decides which one tensor_resize rounds to.
template <std::size_t N, class T, class Store>
void interpolate_row(const std::array<const T*, N>& rows, const axis_taps<N>& vertical,
                     const std::vector<axis_taps<N>>& columns, std::size_t channels, Store&& store) {
    for (std::size_t x = 0; x < columns.size(); ++x)
        for (std::size_t c = 0; c < channels; ++c) {
            double sum = 0.0;
            for (std::size_t j = 0; j < N; ++j) {
                double line = 0.0;
                for (std::size_t i = 0; i < N; ++i)
                    line += static_cast<double>(rows[j][columns[x].index[i] * channels + c]) *
                            static_cast<double>(columns[x].weight[i]);
                sum += line * static_cast<double>(vertical.weight[j]);
            }
            store(x, c, static_cast<float>(sum));
        }
}

// The same for output rows first, first + 1, ... of a whole picture, whose rows are row_elements apart:
// store(x, y, channel, value) with y counted from `first`.
template <std::size_t N, class T, class Store>
void interpolate_rows(const T* source, std::size_t row_elements, std::size_t channels, const axis_map& axis,
                      std::size_t first, std::size_t count, const std::vector<axis_taps<N>>& columns,
                      Store&& store) {
    for (std::size_t y = 0; y < count; ++y) {
        const axis_taps<N> vertical = taps_at<N>(axis, first + y);
        std::array<const T*, N> rows{};
        for (std::size_t j = 0; j < N; ++j)
            rows[j] = source + vertical.index[j] * row_elements;
        interpolate_row<N>(rows, vertical, columns, channels,
                           [&](std::size_t x, std::size_t c, float value) { store(x, y, c, value); });
    }
}

} // namespace resampling

// (H, W, C) to (H', W', C): torch.nn.functional.interpolate of one image. `vertical` and `horizontal` come
// from map_axis or map_axis_scaled; `columns` is scratch memory. An NCHW plane is an image of one channel.
// Throws input_error when a side is empty or the shapes contradict the axes.
inline void interpolate(interpolation_mode mode, const axis_map& vertical, const axis_map& horizontal,
                        view<const float, 3> source, view<float, 3> output, column_tables& columns) {
    if (source.size() == 0 || output.size() == 0)
        throw input_error("interpolate: expected at least one pixel and one channel on both sides");
    if (source.extent(0) != vertical.input || source.extent(1) != horizontal.input ||
        output.extent(0) != vertical.output || output.extent(1) != horizontal.output ||
        source.extent(2) != output.extent(2))
        throw input_error("interpolate: the shapes of source and output contradict the axes");
    const std::size_t channels = source.extent(2), row_elements = source.extent(1) * channels;
    with_tap_count(mode, [&](auto n) {
        resampling::interpolate_rows<n>(
            source.data(), row_elements, channels, vertical, 0, vertical.output,
            fill_columns<n>(horizontal, 0, horizontal.output, columns),
            [&](std::size_t x, std::size_t y, std::size_t c, float v) { output(y, x, c) = v; });
    });
}

FOVEA_ARCH_NAMESPACE_END
