// The interface of every kernel: a layer's geometry, its operands for one call, and the kernel's four
// functions.
#pragma once

#include <fovea/graph/plan.hpp>
#include <fovea/kernels/pixel_scaling.hpp>
#include <fovea/program/executor.hpp>

#include <cstdint>

namespace fovea {

// A map in memory: NHWC, `stride` floats from pixel to pixel, rows following each other without a gap.
struct map_layout {
    int height = 0, width = 0, channels = 0, stride = 0;

    constexpr int pixels() const noexcept { return height * width; }
};

// A convolution that runs inside a block, in front of the block's operator.
struct inner_layer {
    window win{};
    activation act = activation::identity;
    map_layout out{}; // channels == 0: there is none

    constexpr bool exists() const noexcept { return out.channels > 0; }
};

// What a kernel needs to know of a step, for one input size.
struct layer {
    window win{};
    int groups = 1;
    activation act = activation::identity;
    map_layout in{}, out{};
    pool_border border = pool_border::excluded; // of pools
    resize_method resize{};                     // of resizes, and of a weighted sum's second map
    inner_layer expand{}, depthwise{};          // of a block (graph/fuse_blocks.hpp)
    bool pools = false;                         // it writes the output's mean over the map, too
    bool adds_expanded = false;                 // it adds what `expand` computes
    float epsilon = 0;                          // of norms
    weighting factors = weighting::none;        // of a weighted sum
    int summands = 0;                           // likewise: its maps
    map_layout resized{}; // its second map, when that is read through a resize; channels == 0: it is not
};

// How many workers a layer is shared among. Sharing costs one or two microseconds, in which one core does
// about this many multiply-adds. Those of a block's first layers are left out: it is large anyway.
inline int workers_for(const layer& l, const executor& ex) noexcept {
    constexpr double least_shared = 250e3;
    const double products =
        static_cast<double>(l.in.channels) / l.groups * l.win.kernel_height * l.win.kernel_width;
    return products * l.out.pixels() * l.out.channels < least_shared ? 1 : ex.concurrency();
}

// Where a step's numbers are, for one image.
struct operands {
    const float* input = nullptr;
    const float* gate = nullptr;     // [in.channels], or null
    const float* residual = nullptr; // shaped as the output, stride padded_channels(out.channels), or null
    const float* third = nullptr;    // likewise: a weighted sum's third map
    const float* weights = nullptr;  // as pack() left them
    float* output = nullptr;
    float* pool = nullptr;    // [out.channels], the output's mean over the map, or null
    float* scratch = nullptr; // scratch_floats() for each worker, one after the other
    // Dense pixels in place of `input`, for kernels that read bytes; null otherwise.
    const std::uint8_t* bytes = nullptr;
    const pixel_scaling* scaling = nullptr;
};

// Weights in the reference's layout with batch-norm folded in: weight [out, in / groups, kh, kw], bias [out].
// A block has one such pair for each of its layers, linked from the last to the first.
struct folded_weights {
    span<const float> weight;
    span<const float> bias;
    const folded_weights* before = nullptr;
};

// A kernel. packed_floats and pack depend on channels and window only, never on the map's size.
struct kernel {
    void (*run)(const layer&, const operands&, executor&) noexcept = nullptr;
    std::size_t (*packed_floats)(const layer&) noexcept = nullptr;
    void (*pack)(const layer&, const folded_weights&, float* packed) = nullptr;
    std::size_t (*scratch_floats)(const layer&, bool gated) noexcept = nullptr; // for each worker
    const char* name = "";
    bool reads_bytes = false; // takes operands::bytes
};

} // namespace fovea
