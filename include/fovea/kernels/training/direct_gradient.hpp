// Gradients of convolutions by plain loops, where no faster kernel fits, and what kernels that run image by
// image share.
#pragma once

#include <fovea/kernels/simd/tap_range.hpp>
#include <fovea/kernels/training_kernel.hpp>

FOVEA_ARCH_NAMESPACE_BEGIN

namespace kernel_detail {

// The convolution of one image, as inference kernels see it.
constexpr layer layer_of(const training_layer& l) noexcept {
    layer one;
    one.win = l.win;
    one.groups = l.groups;
    one.in = l.in.map;
    one.out = l.out.map;
    return one;
}

// As `l`, over so many images: what workers_for() goes by.
constexpr layer layer_of(const training_layer& l, int images) noexcept {
    layer all = layer_of(l);
    all.out.height *= images;
    return all;
}

// The input gradient of a convolution at stride 1, itself a convolution with the window turned round.
constexpr layer turned_layer(const layer& l) noexcept {
    layer t = l;
    t.in = l.out;
    t.out = l.in;
    t.win.pad_top = (l.win.kernel_height - 1) * l.win.dilation - l.win.pad_top;
    t.win.pad_left = (l.win.kernel_width - 1) * l.win.dilation - l.win.pad_left;
    return t;
}

// f(image, executor, worker): whole images to workers where there are enough of them, else the workers share
// each.
template <class Function>
inline void for_each_image(const training_layer& l, image_range r, executor& ex, const Function& f) noexcept {
    const int workers = workers_for(layer_of(l, r.count()), ex);
    if (workers > 1 && r.count() % workers != 0 && r.count() < 4 * workers) {
        for (int n = r.first; n < r.last; ++n)
            f(n, ex, 0);
        return;
    }
    parallel_for(ex, workers, r.count(), [&](int i, int worker) {
        sequential_executor alone;
        f(r.first + i, alone, worker);
    });
}

// One pixel of the input gradient: sums over taps and output channels.
inline void add_pixel_gradient(const training_layer& l, const training_operands& o, int n, int y, int x,
                               bool adds) noexcept {
    const window& w = l.win;
    const int members = l.in.map.channels / l.groups, outputs = l.out.map.channels / l.groups;
    const int taps = w.kernel_height * w.kernel_width;
    float* const gradient = o.input_gradient + n * l.in.image_stride +
                            (static_cast<std::ptrdiff_t>(y) * l.in.map.width + x) * l.in.map.stride;
    const float* const output = o.output_gradient + n * l.out.image_stride;
    for (int c = 0; c < l.in.map.channels; ++c) {
        float sum = 0;
        for (int ky = 0; ky < w.kernel_height; ++ky)
            for (int kx = 0; kx < w.kernel_width; ++kx) {
                const int from_y = y + w.pad_top - ky * w.dilation, from_x = x + w.pad_left - kx * w.dilation;
                if (from_y < 0 || from_x < 0 || from_y % w.stride_height != 0 || from_x % w.stride_width != 0)
                    continue;
                const int oy = from_y / w.stride_height, ox = from_x / w.stride_width;
                if (oy >= l.out.map.height || ox >= l.out.map.width)
                    continue;
                const int group = c / members;
                const float* const pixel =
                    output + (static_cast<std::ptrdiff_t>(oy) * l.out.map.width + ox) * l.out.map.stride +
                    static_cast<std::ptrdiff_t>(group) * outputs;
                const float* const weight =
                    o.weight + (static_cast<std::ptrdiff_t>(group) * outputs * members + c % members) * taps +
                    ky * w.kernel_width + kx;
                for (int i = 0; i < outputs; ++i)
                    sum += pixel[i] * weight[static_cast<std::ptrdiff_t>(i) * members * taps];
            }
        gradient[c] = adds ? gradient[c] + sum : sum;
    }
}

// The input gradient of any convolution.
inline void add_input_gradient(const training_layer& l, const training_operands& o, image_range r,
                               executor& ex) noexcept {
    const int height = l.in.map.height;
    parallel_for(ex, workers_for(layer_of(l, r.count()), ex), r.count() * height, [&](int task, int) {
        for (int x = 0; x < l.in.map.width; ++x)
            add_pixel_gradient(l, o, r.first + task / height, task % height, x, o.adds_input);
    });
}

} // namespace kernel_detail

FOVEA_ARCH_NAMESPACE_END
