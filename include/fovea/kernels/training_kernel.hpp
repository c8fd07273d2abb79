// The interface of training kernels: a step's geometry over a batch, its operands forward and backward, and
// the kernel's functions.
#pragma once

#include <fovea/kernels/layer.hpp>

#include <cstdint>

namespace fovea {

// A batch of maps in memory: image n begins n * image_stride floats behind the first.
struct batch_layout {
    map_layout map{};
    std::ptrdiff_t image_stride = 0;

    // Whether all images together are one tall map.
    constexpr bool is_dense() const noexcept {
        return image_stride == static_cast<std::ptrdiff_t>(map.pixels()) * map.stride;
    }
};

// Images [first, last) of the batch.
struct image_range {
    int first = 0, last = 0;

    constexpr int count() const noexcept { return last - first; }
};

// What a training kernel needs to know of a step, for one input size and batch.
struct training_layer {
    op kind = op::input;
    int images = 0; // of the batch
    batch_layout in{}, second{}, third{},
        out{}; // second: of an addition or a weighted sum, or the gate of a scale
    window win{};
    int groups = 1;                             // of convolutions and group-norm
    activation act = activation::identity;      // behind a norm or an addition, or of op::activate
    float epsilon = 0;                          // of norms
    float dropout = 0;                          // probability
    pool_border border = pool_border::excluded; // of pools
    bool ceil_mode = false;
    resize_method resize{};
    weighting factors = weighting::none; // of a weighted sum

    constexpr bool has_third() const noexcept { return third.map.channels > 0; }
    constexpr bool has_second() const noexcept { return second.map.channels > 0; }
};

// Where a step's numbers are. Maps inside the arena have padded channels (stride =
// padded_channels(channels)), the image and the network's outputs are dense. Padding channels of values and
// gradients are unspecified but finite; no kernel lets them reach a real channel.
struct training_operands {
    // Values, for the first image.
    const float* input = nullptr;
    const float* second = nullptr;
    const float* third = nullptr;
    float* output = nullptr;
    // Parameters in torch's layout: weight [out, in / groups, kh, kw] or [out, in] and bias [out]; of norms
    // gamma and beta; of weighted sums [maps]. null where there is none.
    const float* weight = nullptr;
    const float* bias = nullptr;
    // Of batch-norm: the running statistics, and how. momentum in torch's sense; below 0: a cumulative
    // average, with `batches` batches seen before this one.
    float* running_mean = nullptr;
    float* running_var = nullptr;
    float momentum = 0.1F;
    double batches = 0;
    bool uses_running = false; // normalise by the running statistics, which then stay as they are
    // Gradients, for the first image. A null pointer: not wanted. Where adds_ is set the gradient is added to
    // what is there (the value has several readers), else it is overwritten. input_gradient may be the same
    // memory as output_gradient where runs_backward_in_place() says so.
    const float* output_gradient = nullptr;
    float* input_gradient = nullptr;
    float* second_gradient = nullptr;
    float* third_gradient = nullptr;
    bool adds_input = false, adds_second = false, adds_third = false;
    // Always added to; zeroed by the caller before the backward pass. null: frozen.
    float* weight_gradient = nullptr;
    float* bias_gradient = nullptr;
    // Memory of the kernel's own.
    float* packed = nullptr;  // packed_floats(): from prepare_forward to the last forward, likewise backward
    float* saved = nullptr;   // saved_floats(): from forward to backward
    float* scratch = nullptr; // scratch_floats(): during one call
    // Key of this step's random numbers in this pass (dropout): forward and backward see the same.
    std::uint64_t random = 0;
};

// A forward/backward pair. The network runs the steps between two batch statistics image range by image
// range, in ascending order, so that maps are still in the cache when the next step reads them. For each
// range, forward:
//     forward(range); then, of the step behind it, reduce(range)
// and when all ranges are through, finish(); the passes backward likewise. Sums over images run in ascending
// order of images, whatever the ranges and workers are. Functions that are null have nothing to do. Which
// values a backward pass reads, and where it may work in place: graph/training_steps.hpp.
struct training_kernel {
    using call = void (*)(const training_layer&, const training_operands&, executor&) noexcept;
    using range_call = void (*)(const training_layer&, const training_operands&, image_range,
                                executor&) noexcept;
    using size_call = std::size_t (*)(const training_layer&) noexcept;

    const char* name = "";
    size_call packed_floats = nullptr; // the sizes are never null
    size_call saved_floats = nullptr;
    // Of a call on `images` images, or fewer, with that many workers.
    std::size_t (*scratch_floats)(const training_layer&, int images, int workers) noexcept = nullptr;

    call prepare_forward = nullptr; // packs weights
    range_call reduce = nullptr;    // partial statistics of the input
    call finish = nullptr;          // statistics of the batch, running statistics
    range_call forward = nullptr;
    call prepare_backward = nullptr;
    range_call reduce_backward = nullptr; // partial sums over output_gradient
    call finish_backward = nullptr;       // the sums; weight and bias gradients of norms
    range_call backward = nullptr;        // input, second, weight and bias gradients
};

} // namespace fovea
