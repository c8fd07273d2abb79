// One SIMD convolution and the scalar reference of the same numbers: what the kernel tests are made of.
#pragma once

#include "error_units.hpp"
#include "guarded_map.hpp"

#include <fovea/graph/builder.hpp>
#include <fovea/kernels/kernel_table.hpp>
#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/conv.hpp>
#include <fovea/program/memory.hpp>
#include <fovea/program/program.hpp>

#include <catch2/catch.hpp>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace fovea::test {

// A convolution as a network runs it. stride 0: the channels padded, as in the arena; dense: without padding.
struct conv_case {
    shape in;
    int out_channels = 1;
    window win{};
    int groups = 1;
    activation act = activation::identity;
    bool gated = false, residual = false;
    bool dense_input = false, dense_output = false;
};

inline std::string text_of(const conv_case& c) {
    const window& w = c.win;
    return reference::text_of(c.in) + " -> " + std::to_string(c.out_channels) + ", window " +
           std::to_string(w.kernel_height) + "x" + std::to_string(w.kernel_width) + " stride " +
           std::to_string(w.stride_height) + "x" + std::to_string(w.stride_width) + " padding " +
           std::to_string(w.pad_top) + "," + std::to_string(w.pad_left) + "," + std::to_string(w.pad_bottom) +
           "," + std::to_string(w.pad_right) + " dilation " + std::to_string(w.dilation) + ", groups " +
           std::to_string(c.groups) + ", " + std::string(name_of(c.act)) + (c.gated ? ", gated" : "") +
           (c.residual ? ", residual" : "") + (c.dense_input ? ", dense input" : "") +
           (c.dense_output ? ", dense output" : "");
}

// Whether a window gives anything at all.
inline bool fits(shape map, const window& w) {
    return reference::conv_out_shape(map, 1, w.padded_for(map.height, map.width)).size() > 0;
}

// Numbers in (-scale, scale), the same in every run.
inline std::vector<float> random_numbers(std::size_t count, float scale = 1) {
    static std::minstd_rand generator;
    std::vector<float> numbers(count);
    for (float& x : numbers)
        x = (static_cast<float>(generator() % 65536) / 32768 - 1) * scale;
    return numbers;
}

// Pixels `stride` floats apart; what lies between the channels of two pixels is not-a-number.
inline std::vector<float> with_stride(const std::vector<float>& dense, int channels, int stride) {
    const std::size_t c = static_cast<std::size_t>(channels), s = static_cast<std::size_t>(stride);
    std::vector<float> padded(dense.size() / c * s, std::numeric_limits<float>::quiet_NaN());
    for (std::size_t i = 0; i < dense.size(); ++i)
        padded[i / c * s + i % c] = dense[i];
    return padded;
}

// The operands of a convolution, and the kernel that a network would choose for it.
class conv_run {
public:
    explicit conv_run(const conv_case& c) : case_(c) {
        builder<4> b;
        step s;
        s.node = b.conv2d(b.input(c.in), 0, c.out_channels, c.win, c.groups, true);
        s.input = 0;
        s.gate = c.gated ? 0 : -1; // the choice of kernel asks only whether there is one
        s.residual = c.residual ? 0 : -1;
        s.value = s.node;
        s.act = c.act;
        REQUIRE(b.first_fault().kind == fault::none);
        case_.win = b.view()[s.node].win; // padded
        kernel_ = kernel_table[static_cast<std::size_t>(select_kernel(b.view(), s))];
        out_ = b.shape_of(s.node);
        const auto stride = [](int channels, bool dense) {
            return dense ? channels : padded_channels(channels);
        };
        layer_ = {case_.win,
                  c.groups,
                  c.act,
                  {c.in.height, c.in.width, c.in.channels, stride(c.in.channels, c.dense_input)},
                  {out_.height, out_.width, out_.channels, stride(out_.channels, c.dense_output)}};
        input_ = random_numbers(c.in.size(), 2);
        gate_ = c.gated ? random_numbers(static_cast<std::size_t>(c.in.channels)) : std::vector<float>();
        residual_ = c.residual ? random_numbers(out_.size(), 2) : std::vector<float>();
        weight_ = random_numbers(static_cast<std::size_t>(c.out_channels * (c.in.channels / c.groups) *
                                                          c.win.kernel_height * c.win.kernel_width));
        bias_ = random_numbers(static_cast<std::size_t>(c.out_channels));
        packed_.resize(kernel_.packed_floats(layer_));
        kernel_.pack(layer_, {weight_, bias_}, packed_.data());
    }

    // Replaces a number of the input.
    void set_input(std::size_t at, float x) { input_[at] = x; }

    // The output, dense. Fails when the kernel writes outside of it.
    std::vector<float> run(executor& ex) const {
        const std::vector<float> input = with_stride(input_, case_.in.channels, layer_.in.stride);
        const std::vector<float> gate =
            with_stride(gate_, case_.in.channels, padded_channels(case_.in.channels));
        const std::vector<float> residual =
            with_stride(residual_, out_.channels, padded_channels(out_.channels));
        aligned_floats scratch(kernel_.scratch_floats(layer_, case_.gated) *
                               static_cast<std::size_t>(ex.concurrency()));
        guarded_map output(layer_.out);
        operands o;
        o.input = input.data();
        o.gate = case_.gated ? gate.data() : nullptr;
        o.residual = case_.residual ? residual.data() : nullptr;
        o.weights = packed_.data();
        o.output = output.data();
        o.scratch = scratch.data();
        kernel_.run(layer_, o, ex);
        CHECK(output.is_guarded());
        return output.dense();
    }

    // The largest error over the sum of the magnitudes that an element is made of, in units of float's
    // epsilon. Activations are continuous with slopes of at most 1.5, so the same measure holds behind them.
    double error(const std::vector<float>& got) const { return error_units(got, expected(), sums(true)); }
    // What the reference computes, in double.
    std::vector<double> expected() const {
        std::vector<double> numbers = sums(false);
        for (double& x : numbers)
            x = reference::activate(case_.act, x);
        return numbers;
    }
    const kernel& chosen() const noexcept { return kernel_; }

private:
    // Before the activation, in double; with `magnitudes` of the absolute values of all operands, plus 1 for
    // the rounding of what activations add.
    std::vector<double> sums(bool magnitudes) const {
        const auto number = [&](float x) { return static_cast<double>(magnitudes ? std::abs(x) : x); };
        std::vector<double> input, weight, bias, output(out_.size());
        for (std::size_t i = 0; i < input_.size(); ++i)
            input.push_back(number(input_[i]) * (case_.gated ? number(gate_[i % gate_.size()]) : 1));
        for (float x : weight_)
            weight.push_back(number(x));
        for (float x : bias_)
            bias.push_back(number(x) + (magnitudes ? 1 : 0));
        const window& w = case_.win;
        reference::conv2d<double>(
            reference::make_map<const double>(input.data(), case_.in),
            {weight.data(),
             {static_cast<std::size_t>(case_.out_channels),
              static_cast<std::size_t>(case_.in.channels / case_.groups),
              static_cast<std::size_t>(w.kernel_height), static_cast<std::size_t>(w.kernel_width)}},
            bias, w, case_.groups, reference::make_map(output.data(), out_));
        for (std::size_t i = 0; i < residual_.size(); ++i)
            output[i] += number(residual_[i]);
        return output;
    }

    conv_case case_;
    kernel kernel_{};
    layer layer_{};
    shape out_{};
    std::vector<float> input_, gate_, residual_, weight_, bias_;
    aligned_floats packed_;
};

// Errors stay below this many epsilons of the magnitudes. 2.3 is the most in millions of float sums of up to
// 600 random products.
inline constexpr double error_bound = 3;

inline void check(const conv_case& c) {
    INFO(text_of(c));
    const conv_run run(c);
    sequential_executor sequential;
    CHECK(run.error(run.run(sequential)) < error_bound);
}

} // namespace fovea::test
