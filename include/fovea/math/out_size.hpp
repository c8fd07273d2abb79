// How many positions a sliding window visits along one axis: the shape rule of convolutions and pooling, in
// one place.
#pragma once

namespace fovea {

namespace detail {

// Keeps a parameter out of template argument deduction.
template <class T>
struct same_type {
    using type = T;
};
template <class T>
using as = typename same_type<T>::type;

} // namespace detail

// Input positions from the first to one past the last that a dilated kernel touches. 0 for an empty kernel.
template <class Int>
constexpr Int window_extent(Int kernel, detail::as<Int> dilation = 1) {
    return kernel == 0 ? Int(0) : static_cast<Int>((kernel - 1) * dilation + 1);
}

// Output size of a convolution or floor-mode pooling along one axis; pads may differ. 0 when the kernel does
// not fit into the padded input (or when in, kernel, stride or dilation is 0): callers reject such an empty
// output.
template <class Int>
constexpr Int out_size(Int in, detail::as<Int> kernel, detail::as<Int> stride = 1,
                       detail::as<Int> pad_before = 0, detail::as<Int> pad_after = 0,
                       detail::as<Int> dilation = 1) {
    const Int padded = static_cast<Int>(in + pad_before + pad_after);
    const Int window = window_extent<Int>(kernel, dilation);
    if (in == 0 || kernel == 0 || stride == 0 || dilation == 0 || window > padded)
        return 0;
    return static_cast<Int>((padded - window) / stride + 1);
}

// Output size of ceil-mode pooling: a last, partial window counts when it starts inside the input or its
// leading pad (torch.nn.functional.max_pool2d, ceil_mode=True).
template <class Int>
constexpr Int ceil_out_size(Int in, detail::as<Int> kernel, detail::as<Int> stride,
                            detail::as<Int> pad_before = 0, detail::as<Int> pad_after = 0,
                            detail::as<Int> dilation = 1) {
    const Int full = out_size<Int>(in, kernel, stride, pad_before, pad_after, dilation);
    if (full == 0)
        return 0;
    const Int beyond = static_cast<Int>(in + pad_before + pad_after - window_extent<Int>(kernel, dilation));
    const bool partial = beyond % stride != 0 && full * stride < in + pad_before;
    return partial ? static_cast<Int>(full + 1) : full;
}

// Zeros before and after an axis.
template <class Int>
struct axis_padding {
    Int before, after;

    friend constexpr bool operator==(axis_padding a, axis_padding b) {
        return a.before == b.before && a.after == b.after;
    }
};

// TensorFlow's SAME padding: the output has ceil(in / stride) positions and an odd pad goes after the input.
template <class Int>
constexpr axis_padding<Int> same_padding(Int in, detail::as<Int> kernel, detail::as<Int> stride = 1,
                                         detail::as<Int> dilation = 1) {
    const Int out = static_cast<Int>((in + stride - 1) / stride);
    const Int needed = static_cast<Int>((out - 1) * stride + window_extent<Int>(kernel, dilation));
    const Int total = needed > in ? static_cast<Int>(needed - in) : Int(0);
    return {static_cast<Int>(total / 2), static_cast<Int>(total - total / 2)};
}

} // namespace fovea
