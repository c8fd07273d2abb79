// One convolution or linear layer in training and the scalar reference of the same numbers.
#pragma once

#include "error_units.hpp"

#include <fovea/graph/builder.hpp>
#include <fovea/kernels/reference/conv.hpp>
#include <fovea/kernels/training/convolutions.hpp>
#include <fovea/program/memory.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

namespace fovea::test {

// How a map lies in memory: padded as inside the arena, or dense as inputs and outputs are; `gap` floats
// follow each image.
struct training_map_place {
    bool dense = false;
    std::ptrdiff_t gap = 0;
};

struct training_conv_case {
    shape in;
    int out_channels = 1;
    window win{};
    int groups = 1;
    int images = 1;
    bool bias = false;
    bool adds_input = false;
    training_map_place in_place{}, out_place{};
};

inline std::string text_of(const training_conv_case& c) {
    const window& w = c.win;
    return reference::text_of(c.in) + " -> " + std::to_string(c.out_channels) + ", window " +
           std::to_string(w.kernel_height) + "x" + std::to_string(w.kernel_width) + " stride " +
           std::to_string(w.stride_height) + "x" + std::to_string(w.stride_width) + " padding " +
           std::to_string(w.pad_top) + "," + std::to_string(w.pad_left) + "," + std::to_string(w.pad_bottom) +
           "," + std::to_string(w.pad_right) + " dilation " + std::to_string(w.dilation) + ", groups " +
           std::to_string(c.groups) + ", images " + std::to_string(c.images) + (c.bias ? ", bias" : "") +
           (c.adds_input ? ", adds" : "") + (c.in_place.dense ? ", dense input" : "") +
           (c.out_place.dense ? ", dense output" : "");
}

template <int... I>
constexpr std::array<training_kernel, sizeof...(I)> training_conv_table(std::integer_sequence<int, I...>) {
    return {training_conv_for<static_cast<training_conv_id>(I)>()...};
}
inline constexpr auto training_conv_kernels =
    training_conv_table(std::make_integer_sequence<int, training_conv_count>());

// What a training step computes.
struct training_conv_results {
    std::vector<float> output, input_gradient, weight_gradient, bias_gradient;

    friend bool operator==(const training_conv_results& a, const training_conv_results& b) {
        return a.output == b.output && a.input_gradient == b.input_gradient &&
               a.weight_gradient == b.weight_gradient && a.bias_gradient == b.bias_gradient;
    }
};

class training_conv_run {
public:
    explicit training_conv_run(const training_conv_case& c) : case_(c) {
        builder<4> b;
        const node_id node = b.conv2d(b.input(c.in), 0, c.out_channels, c.win, c.groups, c.bias);
        REQUIRE(b.first_fault().kind == fault::none);
        case_.win = b.view()[node].win; // padded
        id_ = select_training_conv(b.view(), node);
        out_ = b.shape_of(node);
        layer_.kind = op::conv2d;
        layer_.images = c.images;
        layer_.win = case_.win;
        layer_.groups = c.groups;
        layer_.in = layout_of(c.in, c.in_place);
        layer_.out = layout_of(out_, c.out_place);
        taps_ = static_cast<std::size_t>(c.in.channels / c.groups * c.win.kernel_height * c.win.kernel_width);
        x_ = numbers(c.in.size() * images());
        gy_ = numbers(out_.size() * images());
        gx_before_ = numbers(c.in.size() * images());
        weight_ = numbers(taps_ * outputs());
        gw_before_ = numbers(weight_.size());
        bias_ = numbers(c.bias ? outputs() : 0);
        gb_before_ = numbers(bias_.size());
    }

    training_conv_id id() const noexcept { return id_; }

    // Forward and backward in ranges of `images_of_range` images.
    training_conv_results run(executor& ex, int images_of_range = std::numeric_limits<int>::max()) const {
        const training_kernel& k = training_conv_kernels[static_cast<std::size_t>(id_)];
        const std::vector<float> x = placed(x_, layer_.in, case_.in.channels);
        const std::vector<float> gy = placed(gy_, layer_.out, out_.channels);
        std::vector<float> y = guarded(placed({}, layer_.out, out_.channels));
        std::vector<float> gx = guarded(placed(gx_before_, layer_.in, case_.in.channels));
        std::vector<float> gw = guarded(gw_before_), gb = guarded(gb_before_);
        const int step = std::min(images_of_range, case_.images);
        aligned_floats packed(k.packed_floats(layer_)),
            scratch(k.scratch_floats(layer_, step, ex.concurrency()) + guard);
        training_operands o;
        o.input = x.data();
        o.output = y.data() + guard;
        o.weight = weight_.data();
        o.bias = case_.bias ? bias_.data() : nullptr;
        o.packed = packed.data();
        o.scratch = scratch.data();
        const auto ranges = [&](training_kernel::range_call call) {
            for (int n = 0; n < case_.images; n += step) {
                fill(scratch, std::numeric_limits<float>::quiet_NaN());
                std::fill_n(scratch.data() + scratch.size() - guard, guard, untouched);
                call(layer_, o, {n, std::min(case_.images, n + step)}, ex);
                CHECK(std::count(scratch.data() + scratch.size() - guard, scratch.data() + scratch.size(),
                                 untouched) == guard);
            }
        };
        fill(packed, std::numeric_limits<float>::quiet_NaN());
        if (k.prepare_forward != nullptr)
            k.prepare_forward(layer_, o, ex);
        ranges(k.forward);
        o.output_gradient = gy.data();
        o.input_gradient = gx.data() + guard;
        o.adds_input = case_.adds_input;
        o.weight_gradient = gw.data() + guard;
        o.bias_gradient = case_.bias ? gb.data() + guard : nullptr;
        fill(packed, std::numeric_limits<float>::quiet_NaN());
        if (k.prepare_backward != nullptr)
            k.prepare_backward(layer_, o, ex);
        ranges(k.backward);
        return {taken(y, layer_.out, out_.channels), taken(gx, layer_.in, case_.in.channels), unguarded(gw),
                unguarded(gb)};
    }
    // The largest error over the sum of the magnitudes that a number is made of, in units of float's epsilon.
    double error(const training_conv_results& got) const {
        const results exact = expected(false), magnitude = expected(true);
        return std::max({error_units(got.output, exact.output, magnitude.output),
                         error_units(got.input_gradient, exact.input_gradient, magnitude.input_gradient),
                         error_units(got.weight_gradient, exact.weight_gradient, magnitude.weight_gradient),
                         error_units(got.bias_gradient, exact.bias_gradient, magnitude.bias_gradient)});
    }

private:
    struct results {
        std::vector<double> output, input_gradient, weight_gradient, bias_gradient;
    };
    static constexpr std::size_t guard = 32;
    static constexpr float untouched = -12345;

    std::size_t images() const noexcept { return static_cast<std::size_t>(case_.images); }
    std::size_t outputs() const noexcept { return static_cast<std::size_t>(case_.out_channels); }

    // Numbers in (-1, 1), the same in every run.
    static std::vector<float> numbers(std::size_t count) {
        static std::uint32_t state = 1;
        std::vector<float> n(count);
        for (float& x : n) {
            state = state * 1664525U + 1013904223U;
            x = static_cast<float>(state >> 8U) / 8388608.0F - 1.0F;
        }
        return n;
    }
    static batch_layout layout_of(shape s, training_map_place place) {
        batch_layout b;
        b.map = {s.height, s.width, s.channels, place.dense ? s.channels : padded_channels(s.channels)};
        b.image_stride = static_cast<std::ptrdiff_t>(b.map.pixels()) * b.map.stride + place.gap;
        return b;
    }
    // f(index among dense numbers, index in memory).
    template <class Function>
    void for_each_place(const batch_layout& b, int channels, Function&& f) const {
        std::size_t from = 0;
        for (int n = 0; n < case_.images; ++n)
            for (int p = 0; p < b.map.pixels(); ++p)
                for (int c = 0; c < channels; ++c)
                    f(from++, static_cast<std::size_t>(n * b.image_stride +
                                                       static_cast<std::ptrdiff_t>(p) * b.map.stride + c));
    }
    // Dense numbers as they lie in memory: large ones between the channels of two pixels, and in the gaps.
    // Memory ends with the last pixel.
    std::vector<float> placed(const std::vector<float>& dense, const batch_layout& b, int channels) const {
        std::vector<float> memory(static_cast<std::size_t>((case_.images - 1) * b.image_stride) +
                                      static_cast<std::size_t>(b.map.pixels() * b.map.stride),
                                  1e30F);
        for_each_place(b, channels, [&](std::size_t from, std::size_t to) {
            memory[to] = dense.empty() ? std::numeric_limits<float>::quiet_NaN() : dense[from];
        });
        return memory;
    }
    static std::vector<float> guarded(const std::vector<float>& x) {
        std::vector<float> g(x.size() + 2 * guard, untouched);
        std::copy(x.begin(), x.end(), g.begin() + guard);
        return g;
    }
    static std::vector<float> unguarded(const std::vector<float>& x) {
        bool whole = true;
        for (std::size_t i = 0; i < guard; ++i)
            whole = whole && x[i] == untouched && x[x.size() - 1 - i] == untouched;
        CHECK(whole);
        return {x.begin() + guard, x.end() - guard};
    }
    // Back to dense numbers. Gaps are untouched, padding is finite.
    std::vector<float> taken(const std::vector<float>& memory, const batch_layout& b, int channels) const {
        std::vector<float> m = unguarded(memory),
                           dense(images() * static_cast<std::size_t>(b.map.pixels() * channels));
        for_each_place(b, channels, [&](std::size_t to, std::size_t from) { dense[to] = m[from]; });
        bool gaps = true, finite = true;
        for (std::size_t i = 0; i < m.size(); ++i)
            if (static_cast<std::ptrdiff_t>(i) % b.image_stride >=
                static_cast<std::ptrdiff_t>(b.map.pixels()) * b.map.stride)
                gaps = gaps && m[i] == 1e30F;
            else
                finite = finite && std::isfinite(m[i]);
        CHECK(gaps);
        CHECK(finite);
        return dense;
    }
    static void fill(aligned_floats& a, float x) { std::fill_n(a.data(), a.size(), x); }

    std::vector<double> doubles(const std::vector<float>& x, bool magnitudes) const {
        std::vector<double> d;
        for (float v : x)
            d.push_back(static_cast<double>(magnitudes ? std::abs(v) : v));
        return d;
    }
    // By the reference, in double; with `magnitudes` of absolute values.
    results expected(bool magnitudes) const {
        const auto x = doubles(x_, magnitudes), gy = doubles(gy_, magnitudes),
                   w = doubles(weight_, magnitudes), bias = doubles(bias_, magnitudes),
                   before = doubles(gx_before_, magnitudes);
        results r;
        r.output.resize(out_.size() * images());
        r.input_gradient.resize(x.size());
        r.weight_gradient = doubles(gw_before_, magnitudes);
        r.bias_gradient = doubles(gb_before_, magnitudes);
        const std::array<std::size_t, 4> extents{outputs(),
                                                 static_cast<std::size_t>(case_.in.channels / case_.groups),
                                                 static_cast<std::size_t>(case_.win.kernel_height),
                                                 static_cast<std::size_t>(case_.win.kernel_width)};
        const view<const double, 4> weight{w.data(), extents};
        for (std::size_t n = 0; n < images(); ++n) {
            const auto image = reference::make_map(x.data() + n * case_.in.size(), case_.in);
            const auto up = reference::make_map(gy.data() + n * out_.size(), out_);
            reference::conv2d<double>(image, weight, bias, case_.win, case_.groups,
                                      reference::make_map(r.output.data() + n * out_.size(), out_));
            reference::conv2d_backward_input<double>(
                up, weight, case_.win, case_.groups,
                reference::make_map(r.input_gradient.data() + n * case_.in.size(), case_.in));
            reference::conv2d_backward_weight<double>(image, up, case_.win, case_.groups,
                                                      {r.weight_gradient.data(), extents});
            if (case_.bias)
                reference::conv2d_backward_bias<double>(up, r.bias_gradient);
        }
        for (std::size_t i = 0; case_.adds_input && i < before.size(); ++i)
            r.input_gradient[i] += before[i];
        return r;
    }

    training_conv_case case_;
    training_conv_id id_{};
    shape out_{};
    training_layer layer_{};
    std::size_t taps_ = 0;
    std::vector<float> x_, gy_, gx_before_, weight_, gw_before_, bias_, gb_before_;
};

// Errors stay below this many epsilons of the magnitudes, as those of the inference kernels do.
inline constexpr double training_error_bound = 4;

inline void check(const training_conv_case& c) {
    INFO(text_of(c));
    const training_conv_run run(c);
    sequential_executor sequential;
    CHECK(run.error(run.run(sequential)) < training_error_bound);
}

} // namespace fovea::test
