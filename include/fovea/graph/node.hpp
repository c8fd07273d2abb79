// The intermediate representation: one node is one operator of the network as the reference writes it.
#pragma once

#include <fovea/graph/activation.hpp>
#include <fovea/math/out_size.hpp>

#include <array>
#include <cstddef>
#include <string_view>

namespace fovea {

enum class op : unsigned char {
    input,               // the image batch
    conv2d,              // weight [out, in / groups, kh, kw], optional bias [out]
    batch_norm,          // weight, bias, running_mean, running_var, num_batches_tracked
    activate,            // elementwise
    add,                 // two maps of one shape
    scale,               // a map times a 1x1 map of the same channels (squeeze-excite's gate)
    global_average_pool, // a map to 1x1
    dropout,             // identity outside training
    linear,              // weight [out, in], bias [out]; on 1x1 maps
    max_pool,            // the largest value under a window
    avg_pool,            // the mean under a window
    resize,              // a map at another height and width; a second input lends it its size
    group_norm,          // weight, bias; statistics of each image and group of channels
    stochastic_depth,    // identity outside training
    weighted_sum,        // two or three maps of one shape, each times a factor; weight [maps]
};

constexpr std::string_view name_of(op o) noexcept {
    constexpr std::string_view names[] = {
        "input",   "conv2d", "batch_norm", "activate", "add",    "scale",      "global_average_pool",
        "dropout", "linear", "max_pool",   "avg_pool", "resize", "group_norm", "stochastic_depth",
        "weighted_sum"};
    return names[static_cast<int>(o)];
}

// Height, width and channels of one image's map. Batches are run image by image.
struct shape {
    int height = 0;
    int width = 0;
    int channels = 0;

    constexpr std::size_t size() const noexcept {
        return static_cast<std::size_t>(height) * static_cast<std::size_t>(width) *
               static_cast<std::size_t>(channels);
    }
    friend constexpr bool operator==(shape a, shape b) noexcept {
        return a.height == b.height && a.width == b.width && a.channels == b.channels;
    }
    friend constexpr bool operator!=(shape a, shape b) noexcept { return !(a == b); }
};

// The sliding window of a convolution or a pool, in pixels of its input.
struct window {
    int kernel_height = 1, kernel_width = 1;
    int stride_height = 1, stride_width = 1;
    int pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
    int dilation = 1;
    bool tf_same = false; // pads follow from the size of the input: see padded_for()

    // A square window with torchvision's padding, (kernel - 1) / 2 * dilation on each side
    // (Conv2dNormActivation).
    static constexpr window same(int kernel, int stride = 1, int dilation = 1) noexcept {
        const int pad = (kernel - 1) / 2 * dilation;
        return {kernel, kernel, stride, stride, pad, pad, pad, pad, dilation};
    }
    // A square window with TensorFlow's SAME padding, ceil(side / stride) positions at every input size.
    static constexpr window same_tf(int kernel, int stride = 1, int dilation = 1) noexcept {
        return {kernel, kernel, stride, stride, 0, 0, 0, 0, dilation, true};
    }
    // The window with the pads that it has on an input of height x width.
    constexpr window padded_for(int height, int width) const noexcept {
        if (!tf_same || stride_height < 1 || stride_width < 1)
            return *this;
        const auto rows = same_padding(height, kernel_height, stride_height, dilation);
        const auto columns = same_padding(width, kernel_width, stride_width, dilation);
        window w = *this;
        w.pad_top = rows.before;
        w.pad_bottom = rows.after;
        w.pad_left = columns.before;
        w.pad_right = columns.after;
        return w;
    }
    constexpr bool is_pointwise() const noexcept {
        return kernel_height == 1 && kernel_width == 1 && stride_height == 1 && stride_width == 1 &&
               pad_top == 0 && pad_left == 0 && pad_bottom == 0 && pad_right == 0;
    }
};

// What a pool's window finds in the padding: nothing (torch's max_pool2d; count_include_pad=False), or zeros
// (a map padded with zeros before; count_include_pad=True).
enum class pool_border : unsigned char { excluded, zero };

// torch.nn.functional.interpolate. A factor above 0 is the scale_factor that the network gave in place of a
// size; torch then samples by the factor itself, not by the ratio of the sizes. align_corners has no meaning
// for nearest.
struct resize_method {
    enum class mode_type : unsigned char { nearest, bilinear, bicubic } mode = mode_type::bilinear;
    bool align_corners = false;
    double height_factor = 0, width_factor = 0;
};

// The factors of op::weighted_sum out of its parameter w (Tan et al. 2020, section 3.3).
enum class weighting : unsigned char {
    fast,    // relu(w) / (the sum of relu(w) + 1e-4): fast normalised fusion
    softmax, // exp(w) / the sum of exp(w): softmax-based fusion
    none,    // 1: the sum of the maps; a parameter, if there is one, is not looked at
};

using node_id = int; // index into graph_view::nodes; -1: none

struct node {
    op kind = op::input;
    activation act = activation::identity; // of op::activate
    bool bias = false;                     // of op::conv2d
    std::array<node_id, 3> inputs{-1, -1, -1};
    node_id shares = -1; // the node whose parameters this one uses, name and all; -1: its own
    int name = 0;                               // the module's name: index into graph_view::names
    window win{};                               // of op::conv2d and pools; padded for the graph's own size
    int groups = 1;                             // of op::conv2d and op::group_norm
    float epsilon = 0;                          // of norms
    float dropout = 0;                          // probability, of op::dropout and op::stochastic_depth
    pool_border border = pool_border::excluded; // of pools
    bool ceil_mode = false;                     // of pools: a last, partial window counts (torch's ceil_mode)
    resize_method resize{};                     // of op::resize
    weighting factors = weighting::none;        // of op::weighted_sum
    bool weighted = false;                      // of op::weighted_sum: there is a parameter
    shape out{};                                // for the graph's own input size
};

} // namespace fovea
