// SIMD convolutions against the scalar reference over ragged sizes. Which kernel a case exercises is the
// registry's choice, as in a network; the first test pins it.
#include "simd_case.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr activation all_activations[] = {activation::identity,    activation::relu,      activation::relu6,
                                          activation::hardsigmoid, activation::hardswish, activation::sigmoid,
                                          activation::silu,        activation::softplus};

conv_case pointwise(int height, int width, int in, int out) {
    return {{height, width, in}, out, window{}};
}
conv_case depthwise(shape in, window w) {
    return {in, in.channels, w, in.channels};
}

// What every kind of convolution is tried with.
const conv_case kinds[] = {
    pointwise(5, 7, 13, 27),
    {{9, 8, 3}, 16, window::same(3, 2)},
    depthwise({9, 11, 24}, window::same(3)),
    depthwise({9, 11, 24}, window::same(3, 2)),
    depthwise({9, 11, 40}, window::same(5)),
    depthwise({9, 11, 40}, window::same(5, 2)),
    depthwise({9, 11, 8}, window::same(7)),
    {{6, 5, 12}, 8, window::same(3), 4},
};

// Windows that reach far outside their maps, are uneven, strided apart, dilated.
const window windows[] = {
    window::same(1, 2),
    window::same(2),
    window::same(3),
    window::same(3, 2),
    window::same(3, 3),
    window::same(3, 1, 2),
    window::same(4, 2),
    window::same(5),
    window::same(5, 2),
    window::same(5, 3),
    window::same(5, 1, 2),
    window::same(5, 2, 2),
    window::same(7),
    window::same(7, 2),
    window::same(7, 3, 2),
    window::same_tf(1, 2),
    window::same_tf(2),
    window::same_tf(2, 2),
    window::same_tf(3),
    window::same_tf(3, 2),
    window::same_tf(3, 3),
    window::same_tf(4, 2),
    window::same_tf(5),
    window::same_tf(5, 2),
    window::same_tf(5, 2, 2),
    window::same_tf(7, 2),
    {3, 5, 2, 1, 1, 0, 1, 0, 1},
    {2, 4, 3, 2, 0, 2, 1, 3, 1},
    {5, 3, 1, 1, 4, 2, 0, 1, 1},
    {3, 3, 1, 1, 3, 3, 3, 3, 1},
    {1, 3, 1, 1, 0, 1, 0, 1, 1},
};
const shape maps[] = {{1, 1, 0}, {1, 9, 0}, {8, 1, 0}, {2, 2, 0}, {3, 2, 0}, {7, 13, 0}, {16, 17, 0}};

} // namespace

TEST_CASE("each kind of convolution runs on its kernel") {
    const char* names[] = {"pointwise", "stem",      "depthwise",     "depthwise",
                           "depthwise", "depthwise", "depthwise_any", "general_conv"};
    for (std::size_t i = 0; i < std::size(kinds); ++i)
        CHECK(conv_run(kinds[i]).chosen().name == std::string(names[i]));
    CHECK(conv_run({{12, 12, 2}, 3, window::same(9)}).chosen().name == std::string("general_conv"));
}

TEST_CASE("pointwise convolutions agree with the reference at every size") {
    for (int pixels = 1; pixels <= 40; ++pixels) {
        check(pointwise(1, pixels, 5, 19));
        check(pointwise(pixels, 1, 8, 40));
    }
    for (int in = 1; in <= 70; ++in)
        check(pointwise(3, 5, in, 24));
    for (int out = 1; out <= 70; ++out) {
        conv_case c = pointwise(2, 7, 9, out);
        check(c);
        c.dense_output = true;
        check(c);
    }
}

TEST_CASE("pointwise convolutions of detection heads write dense rows") {
    for (int side : {1, 2, 3, 5})
        for (int out : {6 * 91, 6 * 4, 6 * 21, 6 * 2, 4}) {
            conv_case c = pointwise(side, side, 100, out);
            c.dense_output = true;
            check(c);
        }
}

TEST_CASE("pointwise convolutions read dense pixels") {
    for (int in : {1, 3, 7, 10}) {
        conv_case c = pointwise(4, 5, in, 17);
        c.dense_input = true;
        check(c);
    }
}

TEST_CASE("gates, residuals and activations are fused into every kind of convolution") {
    for (conv_case c : kinds)
        for (activation act : all_activations)
            for (bool residual : {false, true}) {
                c.act = act;
                c.residual = residual;
                check(c);
            }
}

TEST_CASE("a gate scales the channels that a pointwise convolution reads") {
    for (int in : {1, 6, 8, 16, 33, 72})
        for (int pixels : {1, 6, 13, 49})
            for (bool residual : {false, true}) {
                conv_case c = pointwise(1, pixels, in, 20);
                c.gated = true;
                c.residual = residual;
                check(c);
            }
}

TEST_CASE("dense convolutions agree with the reference for any window") {
    for (const window& w : windows)
        for (const shape& map : maps)
            if (fits(map, w)) {
                check({{map.height, map.width, 3}, 10, w});
                check({{map.height, map.width, 5}, 33, w});
            }
    for (int out = 1; out <= 40; ++out) {
        for (const window& w : {window::same(3, 2), window::same_tf(3, 2)}) {
            conv_case c{{5, 6, 3}, out, w};
            c.dense_input = true;
            check(c);
            c.dense_output = true;
            check(c);
        }
    }
}

TEST_CASE("depthwise convolutions agree with the reference for any window") {
    for (const window& w : windows)
        for (const shape& map : maps)
            if (fits(map, w))
                for (int channels : {3, 16, 40})
                    check(depthwise({map.height, map.width, channels}, w));
}

TEST_CASE("depthwise convolutions agree with the reference for any number of channels and any width") {
    for (const window& w : {window::same(3), window::same(3, 2), window::same(5), window::same(5, 2),
                            window::same_tf(3, 2), window::same_tf(5, 2)}) {
        for (int channels = 1; channels <= 70; channels += 3)
            check(depthwise({4, 9, channels}, w));
        for (int width = 1; width <= 24; ++width)
            check(depthwise({3, width, 8}, w));
    }
}

TEST_CASE("grouped convolutions agree with the reference") {
    for (const window& w : {window{}, window::same(3), window::same(3, 2), window::same(5, 1, 2)})
        for (int groups : {2, 3, 6}) {
            check({{6, 5, 6}, 12, w, groups});
            check({{6, 5, 12}, 6, w, groups});
        }
    check({{6, 5, 4}, 8, window::same(3), 4}); // two outputs a channel
}

TEST_CASE("convolutions with more than 64 taps agree with the reference") {
    check({{10, 11, 3}, 9, window::same(9)});
    check({{4, 3, 3}, 9, window::same(11)});
}
