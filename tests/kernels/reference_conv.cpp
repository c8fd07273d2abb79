#include <fovea/kernels/reference/conv.hpp>

#include "support/golden.hpp"
#include "support/layout.hpp"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

struct variant {
    const char* tag;
    int out_channels;
    window win;
    int groups = 1;
};

// kernel, stride, padding (top, left, bottom, right), dilation
const variant variants[] = {
    {"dense3", 6, window::same(3)},       {"dense3_s2", 6, window::same(3, 2)},
    {"dw5", 8, window::same(5), 8},       {"dw5_d2", 8, window::same(5, 1, 2), 8},
    {"dw3_s2", 8, window::same(3, 2), 8}, {"atrous6", 4, window::same(3, 1, 6)},
    {"group2", 10, window::same(3), 2},   {"asym", 4, {3, 5, 2, 1, 1, 0, 1, 0, 1}},
    {"point", 12, window::same(1)},       {"valid3", 4, {3, 3, 1, 1, 0, 0, 0, 0, 1}},
};
const variant uneven_variants[] = {
    {"even_uneven_pad", 3, {2, 4, 3, 2, 0, 2, 1, 3, 1}},
    {"larger_than_input", 2, {9, 11, 1, 1, 1, 1, 2, 1, 1}},
};

// Forward and backward of a variant over a batch.
template <class T>
struct run {
    array y, gx, gw, gb;

    run(const array& x, const variant& v) {
        const shape in = image_shape(x.shape), out = reference::conv_out_shape(in, v.out_channels, v.win);
        const shape_type weight_shape{
            static_cast<std::size_t>(v.out_channels), static_cast<std::size_t>(in.channels / v.groups),
            static_cast<std::size_t>(v.win.kernel_height), static_cast<std::size_t>(v.win.kernel_width)};
        const std::string name = std::string("conv_variants:") + v.tag;
        const auto filled = fill_value(name + ".weight", weight_shape);
        const auto biases = fill_value(name + ".bias", {weight_shape[0]});
        const std::vector<T> weight(filled.begin(), filled.end()), bias(biases.begin(), biases.end());
        y = make_batch(x.shape[0], out);
        gx = make_batch(x.shape[0], in);
        const array up(y.shape,
                       fill_input(y.shape, input_rule::sym2, std::string("conv_variants:up_") + v.tag));

        std::vector<T> output(out.size()), input_gradient(in.size()), weight_gradient(weight.size()),
            bias_gradient(bias.size());
        const std::array<std::size_t, 4> extents{weight_shape[0], weight_shape[1], weight_shape[2],
                                                 weight_shape[3]};
        const view<const T, 4> w{weight.data(), extents};
        for (std::size_t n = 0; n < x.shape[0]; ++n) {
            const std::vector<T> image = image_of<T>(x, n), upstream = image_of<T>(up, n);
            const auto input = reference::make_map(image.data(), in),
                       gradient = reference::make_map(upstream.data(), out);
            reference::conv2d<T>(input, w, bias, v.win, v.groups, reference::make_map(output.data(), out));
            reference::conv2d_backward_input<T>(gradient, w, v.win, v.groups,
                                                reference::make_map(input_gradient.data(), in));
            reference::conv2d_backward_weight<T>(input, gradient, v.win, v.groups,
                                                 {weight_gradient.data(), extents});
            reference::conv2d_backward_bias<T>(gradient, bias_gradient);
            put_image(y, n, output);
            put_image(gx, n, input_gradient);
        }
        gw = {weight_shape, weight_gradient};
        gb = {{weight_shape[0]}, bias_gradient};
    }
};

template <class T>
void check_against(const golden_case& golden, const variant& v) {
    const run<T> got(golden.input("x"), v);
    const std::string tag = v.tag;
    CHECK(compare(golden.output(tag), got.y));
    CHECK(compare(golden.output("gx_" + tag), got.gx));
    CHECK(compare(golden.output("gw_" + tag), got.gw));
    CHECK(compare(golden.output("gb_" + tag), got.gb));
}

} // namespace

TEST_CASE("convolutions and their gradients agree with torch") {
    const golden_case own = own_golden("kernels", "conv_variants");
    const auto shared = shared_golden("components", "conv_variants");
    for (const variant& v : variants) {
        check_against<float>(own, v);
        check_against<double>(own, v);
        if (shared)
            check_against<float>(*shared, v);
    }
    for (const variant& v : uneven_variants)
        check_against<float>(own, v);
}

TEST_CASE("a 1x1 map under a padded kernel sees the kernel's centre only") {
    const double x = 2, bias = 0.5;
    std::vector<double> weight(25);
    weight[12] = 3;
    double y = 0;
    reference::conv2d<double>({&x, {1, 1, 1}}, {weight.data(), {1, 1, 5, 5}}, {&bias, 1}, window::same(5), 1,
                              {&y, {1, 1, 1}});
    CHECK(y == 6.5);
    reference::conv2d<double>({&x, {1, 1, 1}}, {weight.data(), {1, 1, 5, 5}}, {}, window::same(5), 1,
                              {&y, {1, 1, 1}});
    CHECK(y == 6);
}

TEST_CASE("convolution refuses empty outputs and shapes that disagree") {
    const std::vector<float> x(2 * 2 * 4), w(4 * 4 * 9), b(4);
    std::vector<float> y(2 * 2 * 4);
    const reference::map<const float> input{x.data(), {2, 2, 4}};
    const view<const float, 4> weight{w.data(), {4, 4, 3, 3}};
    const auto conv = [&](const window& win, int groups, shape out, std::size_t biases) {
        reference::conv2d<float>(input, weight, {b.data(), biases}, win, groups,
                                 reference::make_map(y.data(), out));
    };
    CHECK_NOTHROW(conv(window::same(3), 1, {2, 2, 4}, 4));
    CHECK_THROWS_AS(conv({3, 3}, 1, {0, 0, 4}, 4), input_error); // 3x3 without padding on 2x2
    CHECK_THROWS_AS(conv(window::same(3), 1, {2, 1, 4}, 4), input_error);
    CHECK_THROWS_AS(conv(window::same(3), 2, {2, 2, 4}, 4), input_error); // weight is for one group
    CHECK_THROWS_AS(conv(window::same(3), 3, {2, 2, 4}, 4), input_error);
    CHECK_THROWS_AS(conv(window::same(3), 0, {2, 2, 4}, 4), input_error);
    CHECK_THROWS_AS(conv(window::same(3), 1, {2, 2, 4}, 3), input_error);
}
