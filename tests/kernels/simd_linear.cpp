// Linear layers against the scalar reference over ragged sizes.
#include "simd_case.hpp"

#include <fovea/program/thread_executor.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// A pointwise convolution of a single pixel, which is what a linear layer is.
conv_case single_pixel(int in_channels, int out_channels) {
    conv_case c;
    c.in = {1, 1, in_channels};
    c.out_channels = out_channels;
    return c;
}

} // namespace

TEST_CASE("single pixels and linear layers have a kernel of their own") {
    CHECK(std::string(conv_run(single_pixel(8, 8)).chosen().name) == "linear");
    builder<4> b;
    step s;
    s.node = b.linear(b.input({1, 1, 8}), 0, 5);
    s.input = 0;
    CHECK(select_kernel(b.view(), s) == kernel_id::linear);
}

TEST_CASE("linear layers agree with the reference for any numbers of channels") {
    for (int in_channels : {1, 2, 3, 7, 8, 9, 15, 17, 24, 72, 240})
        for (int out_channels = 1; out_channels <= 300; out_channels += out_channels < 34 ? 1 : 37) {
            conv_case c = single_pixel(in_channels, out_channels);
            c.act = activation::hardswish;
            check(c);
            c.dense_input = c.dense_output = true;
            check(c);
        }
}

TEST_CASE("linear layers take gates, residuals and every activation") {
    for (int out_channels : {5, 16, 24, 136})
        for (bool gated : {false, true})
            for (bool residual : {false, true})
                for (activation act : {activation::identity, activation::relu6, activation::hardsigmoid,
                                       activation::silu, activation::softplus}) {
                    conv_case c = single_pixel(19, out_channels);
                    c.act = act;
                    c.gated = gated;
                    c.residual = residual;
                    check(c);
                }
}

TEST_CASE("linear layers give the same bits for any number of workers") {
    sequential_executor sequential;
    for (int workers : {2, 3, 5}) {
        thread_executor threads(workers);
        for (bool gated : {false, true}) {
            conv_case c = single_pixel(400, 1000);
            c.gated = gated;
            const conv_run run(c);
            CHECK(run.run(threads) == run.run(sequential));
        }
    }
}

TEST_CASE("a linear kernel goes through several pixels one by one") {
    constexpr int in_channels = 11, out_channels = 45;
    layer one;
    one.in = {1, 1, in_channels, padded_channels(in_channels)};
    one.out = {1, 1, out_channels, padded_channels(out_channels)};
    layer six = one;
    six.in.height = six.out.height = 2;
    six.in.width = six.out.width = 3;
    const std::vector<float> weight = random_numbers(in_channels * out_channels),
                             bias = random_numbers(out_channels),
                             input = random_numbers(static_cast<std::size_t>(6 * one.in.stride)),
                             residual = random_numbers(static_cast<std::size_t>(6 * one.out.stride)),
                             gate = random_numbers(static_cast<std::size_t>(one.in.stride));
    std::vector<float> packed(linear_kernel::packed_floats(one)), together(residual.size()),
        alone(residual.size()), scratch(linear_kernel::scratch_floats(six, true));
    linear_kernel::pack(one, {weight, bias}, packed.data());
    operands o;
    o.input = input.data();
    o.gate = gate.data();
    o.residual = residual.data();
    o.weights = packed.data();
    o.output = together.data();
    o.scratch = scratch.data();
    sequential_executor sequential;
    linear_kernel::run(six, o, sequential);
    o.output = alone.data();
    for (int p = 0; p < 6;
         ++p, o.input += one.in.stride, o.residual += one.out.stride, o.output += one.out.stride)
        linear_kernel::run(one, o, sequential);
    CHECK(together == alone);
}
