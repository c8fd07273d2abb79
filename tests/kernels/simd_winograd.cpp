// Winograd's 3x3 convolution against the scalar reference over ragged sizes.
#include "simd_case.hpp"

#include <fovea/program/thread_executor.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// In epsilons of the magnitudes. 5.9 is the most seen here; the customary points 0, 1, -1, 2, -2 give 19.
constexpr double winograd_bound = 8;

void check_winograd(const conv_case& c) {
    INFO(text_of(c));
    const conv_run run(c);
    CHECK(run.chosen().name == std::string("winograd"));
    sequential_executor sequential;
    CHECK(run.error(run.run(sequential)) < winograd_bound);
}

conv_case layer_of(int height, int width, int in, int out) {
    return {{height, width, in}, out, window::same(3)};
}

} // namespace

TEST_CASE("3x3 convolutions at stride 1 over many channels run by Winograd's algorithm") {
    const auto name = [](int in, int out, const window& w) {
        return std::string(conv_run({{9, 9, in}, out, w}).chosen().name);
    };
    CHECK(name(16, 16, window::same(3)) == "winograd");
    CHECK(name(8, 16, window::same(3)) == "dense_conv");
    CHECK(name(20, 16, window::same(3)) == "dense_conv");
    CHECK(name(16, 15, window::same(3)) == "dense_conv");
    CHECK(name(16, 16, window::same(3, 2)) == "dense_conv");
    CHECK(name(16, 16, window::same(3, 1, 2)) == "dense_conv");
    CHECK(name(16, 16, window::same(5)) == "dense_conv");
    CHECK(name(16, 16, {3, 3, 1, 1, 0, 0, 0, 0, 1}) == "dense_conv");
}

TEST_CASE("Winograd's convolution agrees with the reference at every size") {
    for (int height = 1; height <= 9; ++height)
        for (int width = 1; width <= 13; ++width)
            check_winograd(layer_of(height, width, 16, 24));
    check_winograd(layer_of(1, 70, 16, 16));
    check_winograd(layer_of(70, 1, 16, 16));
}

TEST_CASE("Winograd's convolution agrees with the reference for any number of channels") {
    for (int out = 16; out <= 75; ++out)
        for (bool dense : {false, true}) {
            conv_case c = layer_of(5, 6, 24, out);
            c.dense_output = dense;
            check_winograd(c);
        }
    for (int in = 16; in <= 104; in += 8)
        check_winograd(layer_of(6, 5, in, 40));
    check_winograd(layer_of(19, 21, 256, 136));
}

TEST_CASE("residuals and activations are fused into Winograd's convolution") {
    for (activation act : {activation::identity, activation::relu, activation::relu6, activation::hardswish,
                           activation::silu, activation::sigmoid})
        for (bool residual : {false, true})
            for (int out : {16, 21}) {
                conv_case c = layer_of(7, 9, 16, out);
                c.act = act;
                c.residual = residual;
                check_winograd(c);
                c.dense_output = true;
                check_winograd(c);
            }
}

TEST_CASE("Winograd's convolution gives the same bits for any number of workers") {
    for (const conv_case& c : {layer_of(41, 38, 32, 48), layer_of(2, 3, 128, 512), layer_of(13, 13, 64, 64),
                               layer_of(12, 9, 64, 76)}) {
        const conv_run run(c);
        sequential_executor sequential;
        const std::vector<float> expected = run.run(sequential);
        for (int workers = 1; workers <= 4; ++workers) {
            thread_executor threads(workers);
            CHECK(run.run(threads) == expected);
        }
    }
}
