// Scalar reference pooling of one image: max, average, adaptive and global.
#pragma once

#include <fovea/kernels/reference/map.hpp>
#include <fovea/math/out_size.hpp>

#include <cmath>
#include <limits>

namespace fovea::reference {

inline shape pool_out_shape(shape in, const window& w, bool ceil_mode = false) {
    const auto size = [&](int extent, int kernel, int stride, int before, int after) {
        return ceil_mode ? ceil_out_size(extent, kernel, stride, before, after, w.dilation)
                         : out_size(extent, kernel, stride, before, after, w.dilation);
    };
    return {size(in.height, w.kernel_height, w.stride_height, w.pad_top, w.pad_bottom),
            size(in.width, w.kernel_width, w.stride_width, w.pad_left, w.pad_right), in.channels};
}

namespace detail {

// Calls visit(y, x, whether inside) for each position under the window of an output position that the border
// rule counts, row by row. A partial window of ceil mode ends with the padded input.
template <class Visit>
void for_each_position_under(shape in, const window& w, pool_border border, int out_y, int out_x,
                             Visit visit) {
    for (int ky = 0; ky < w.kernel_height; ++ky)
        for (int kx = 0; kx < w.kernel_width; ++kx) {
            const int y = first_row(w, out_y) + ky * w.dilation, x = first_column(w, out_x) + kx * w.dilation;
            if (contains(in, y, x))
                visit(y, x, true);
            else if (border == pool_border::zero && y < in.height + w.pad_bottom &&
                     x < in.width + w.pad_right)
                visit(y, x, false);
        }
}

// Calls visit(value) for each value of one channel under the window of an output position.
template <class T, class Visit>
void for_each_under(map<const T> input, const window& w, pool_border border, int out_y, int out_x,
                    int channel, Visit visit) {
    for_each_position_under(shape_of(input), w, border, out_y, out_x,
                            [&](int y, int x, bool inside) { visit(inside ? input(y, x, channel) : T(0)); });
}

// The larger value; not-a-number wins, as in torch.
template <class T>
T max_of(T a, T b) {
    return b > a || std::isnan(b) ? b : a;
}

// output(y, x, c) = reduce(y, x, c) for every element.
template <class T, class Reduce>
void for_each_output(map<T> output, Reduce reduce) {
    const shape out = shape_of(output);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x)
            for (int c = 0; c < out.channels; ++c)
                output(y, x, c) = reduce(y, x, c);
}

// Input positions [begin, end) of one position of an adaptive pool along one axis; neighbours may overlap.
struct adaptive_range {
    int begin, end;
    constexpr adaptive_range(int at, int in, int out)
        : begin(at * in / out), end(((at + 1) * in + out - 1) / out) {}
};

template <class T, class Visit>
void for_each_in_cell(map<const T> input, shape out, int y, int x, int channel, Visit visit) {
    const shape in = shape_of(input);
    const adaptive_range rows(y, in.height, out.height), columns(x, in.width, out.width);
    for (int iy = rows.begin; iy < rows.end; ++iy)
        for (int ix = columns.begin; ix < columns.end; ++ix)
            visit(input(iy, ix, channel));
}

} // namespace detail

// Largest value under each window. output has pool_out_shape(...), else input_error.
template <class T>
void max_pool(map<const T> input, const window& w, bool ceil_mode, pool_border border, map<T> output) {
    require_shape("max_pool", pool_out_shape(shape_of(input), w, ceil_mode), shape_of(output));
    detail::for_each_output(output, [&](int y, int x, int c) {
        T largest = -std::numeric_limits<T>::infinity();
        detail::for_each_under(input, w, border, y, x, c, [&](T v) { largest = detail::max_of(largest, v); });
        return largest;
    });
}

// Mean under each window, over what the border rule counts. output has pool_out_shape(...), else input_error.
template <class T>
void avg_pool(map<const T> input, const window& w, bool ceil_mode, pool_border border, map<T> output) {
    require_shape("avg_pool", pool_out_shape(shape_of(input), w, ceil_mode), shape_of(output));
    detail::for_each_output(output, [&](int y, int x, int c) {
        double sum = 0;
        int count = 0;
        detail::for_each_under(input, w, border, y, x, c, [&](T v) {
            sum += static_cast<double>(v);
            ++count;
        });
        return static_cast<T>(sum / count);
    });
}

// Mean of the cell that each output position covers: torch's adaptive_avg_pool2d to the size of `output`.
template <class T>
void adaptive_avg_pool(map<const T> input, map<T> output) {
    const shape out = shape_of(output);
    require_shape("adaptive_avg_pool", {out.height, out.width, shape_of(input).channels}, out);
    detail::for_each_output(output, [&](int y, int x, int c) {
        double sum = 0;
        int count = 0;
        detail::for_each_in_cell(input, out, y, x, c, [&](T v) {
            sum += static_cast<double>(v);
            ++count;
        });
        return static_cast<T>(sum / count);
    });
}

// Largest value of the cell that each output position covers: torch's adaptive_max_pool2d.
template <class T>
void adaptive_max_pool(map<const T> input, map<T> output) {
    const shape out = shape_of(output);
    require_shape("adaptive_max_pool", {out.height, out.width, shape_of(input).channels}, out);
    detail::for_each_output(output, [&](int y, int x, int c) {
        T largest = -std::numeric_limits<T>::infinity();
        detail::for_each_in_cell(input, out, y, x, c, [&](T v) { largest = detail::max_of(largest, v); });
        return largest;
    });
}

// Mean over all positions, one number a channel.
template <class T>
void global_average_pool(map<const T> input, span<T> output) {
    adaptive_avg_pool(input, make_map(output.data(), {1, 1, static_cast<int>(output.size())}));
}

// The gradient of max_pool: it goes to the first of the largest values in the window's order of rows, nowhere
// where that is the padding's zero. Added to input_gradient.
template <class T>
void max_pool_backward(map<const T> input, const window& w, pool_border border, map<const T> output_gradient,
                       map<T> input_gradient) {
    const shape out = shape_of(output_gradient);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x)
            for (int c = 0; c < out.channels; ++c) {
                T largest = -std::numeric_limits<T>::infinity();
                int at_y = -1, at_x = -1;
                detail::for_each_position_under(shape_of(input), w, border, y, x,
                                                [&](int iy, int ix, bool inside) {
                                                    const T value = inside ? input(iy, ix, c) : T(0);
                                                    if (value > largest) {
                                                        largest = value;
                                                        at_y = inside ? iy : -1;
                                                        at_x = ix;
                                                    }
                                                });
                if (at_y >= 0)
                    input_gradient(at_y, at_x, c) += output_gradient(y, x, c);
            }
}

// The gradient of avg_pool: equal parts for all that the border rule counts. Added to input_gradient.
template <class T>
void avg_pool_backward(const window& w, pool_border border, map<const T> output_gradient,
                       map<T> input_gradient) {
    const shape out = shape_of(output_gradient), in = shape_of(input_gradient);
    for (int y = 0; y < out.height; ++y)
        for (int x = 0; x < out.width; ++x) {
            int count = 0;
            detail::for_each_position_under(in, w, border, y, x, [&](int, int, bool) { ++count; });
            detail::for_each_position_under(in, w, border, y, x, [&](int iy, int ix, bool inside) {
                for (int c = 0; inside && c < out.channels; ++c)
                    input_gradient(iy, ix, c) += output_gradient(y, x, c) / static_cast<T>(count);
            });
        }
}

// The gradient of global_average_pool, added to input_gradient.
template <class T>
void global_average_pool_backward(span<const T> output_gradient, map<T> input_gradient) {
    const std::size_t channels = output_gradient.size();
    for (std::size_t i = 0; i < input_gradient.size(); ++i)
        input_gradient.data()[i] +=
            output_gradient[i % channels] / static_cast<T>(input_gradient.size() / channels);
}

} // namespace fovea::reference
