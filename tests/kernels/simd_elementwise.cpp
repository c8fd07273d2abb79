// SIMD elementwise, pooling and copying kernels against the scalar reference.
#include "map_case.hpp"

#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/reference/pooling.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// The numbers of a map with strided pixels.
std::vector<float> dense_of(const std::vector<float>& padded, const map_layout& m) {
    std::vector<float> dense;
    for (int p = 0; p < m.pixels(); ++p)
        for (int c = 0; c < m.channels; ++c)
            dense.push_back(padded[static_cast<std::size_t>(p * m.stride + c)]);
    return dense;
}

struct elementwise_case {
    shape size;
    activation act = activation::identity;
    bool gated = false, residual = false;
};

void check_elementwise(const elementwise_case& c, executor& ex) {
    INFO(reference::text_of(c.size) << " " << name_of(c.act) << " gated " << c.gated << " residual "
                                    << c.residual);
    const std::vector<float> input = random_numbers(c.size.size(), 8),
                             residual = random_numbers(c.size.size(), 8),
                             gate = random_numbers(static_cast<std::size_t>(c.size.channels));
    const int stride = padded_channels(c.size.channels);
    const auto padded = [&](const std::vector<float>& v) { return with_stride(v, c.size.channels, stride); };
    const std::vector<float> x = padded(input), r = padded(residual), g = padded(gate);
    std::vector<float> output(x.size());
    layer l;
    l.act = c.act;
    l.in = l.out = padded_map(c.size);
    operands o;
    o.input = x.data();
    o.gate = c.gated ? g.data() : nullptr;
    o.residual = c.residual ? r.data() : nullptr;
    o.output = output.data();
    elementwise_kernel::run(l, o, ex);

    std::vector<float> expected = input;
    const auto map = reference::make_map(expected.data(), c.size);
    if (c.gated)
        reference::scale<float>(reference::make_map(input.data(), c.size), gate, map);
    if (c.residual)
        reference::add<float>(expected, residual, expected);
    reference::activate<float>(c.act, expected, expected);
    const std::vector<float> got = dense_of(output, l.out);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        REQUIRE(got[i] == Approx(expected[i]).epsilon(1e-6).margin(1e-6));
}

} // namespace

TEST_CASE("elementwise steps agree with the reference for any number of channels") {
    sequential_executor sequential;
    thread_executor threads(3);
    for (int channels = 1; channels <= 50; ++channels)
        for (bool gated : {false, true})
            for (bool residual : {false, true}) {
                check_elementwise({{2, 3, channels}, activation::relu, gated, residual}, sequential);
                check_elementwise({{7, 3, channels}, activation::hardswish, gated, residual}, threads);
            }
}

TEST_CASE("elementwise steps know every activation") {
    sequential_executor sequential;
    for (activation act :
         {activation::identity, activation::relu, activation::relu6, activation::hardsigmoid,
          activation::hardswish, activation::sigmoid, activation::silu, activation::softplus})
        check_elementwise({{5, 5, 21}, act, true, true}, sequential);
}

TEST_CASE("activations keep not-a-number and saturate at infinity") {
    constexpr float infinity = std::numeric_limits<float>::infinity();
    constexpr float nan = std::numeric_limits<float>::quiet_NaN();
    for (activation act :
         {activation::identity, activation::relu, activation::relu6, activation::hardsigmoid,
          activation::hardswish, activation::sigmoid, activation::silu, activation::softplus}) {
        INFO(name_of(act));
        CHECK(std::isnan(activate(act, nan)));
        for (float x : {infinity, 100.0F, 3.0F, 0.0F, -3.0F, -90.0F})
            CHECK(activate(act, x) == Approx(reference::activate(act, x)).epsilon(1e-6).margin(1e-6));
    }
}

TEST_CASE("the global mean agrees with the reference") {
    sequential_executor sequential;
    for (int pixels : {1, 2, 3, 4, 5, 7, 49, 400})
        for (int channels : {1, 7, 8, 9, 16, 24, 33, 72}) {
            const shape s{1, pixels, channels};
            const std::vector<float> input = random_numbers(s.size(), 4);
            const std::vector<float> x = with_stride(input, channels, padded_channels(channels));
            std::vector<float> output(static_cast<std::size_t>(padded_channels(channels)));
            std::vector<float> expected(static_cast<std::size_t>(channels));
            layer l;
            l.in = padded_map(s);
            l.out = padded_map({1, 1, channels});
            operands o;
            o.input = x.data();
            o.output = output.data();
            global_average_pool_kernel::run(l, o, sequential);
            reference::global_average_pool<float>(reference::make_map(input.data(), s), expected);
            for (std::size_t c = 0; c < expected.size(); ++c)
                CHECK(output[c] == Approx(expected[c]).epsilon(1e-6).margin(1e-6));
        }
}

TEST_CASE("a copy goes from any stride to any other and zeroes the padding") {
    sequential_executor sequential;
    for (int channels : {1, 3, 8, 11}) {
        const int padded = padded_channels(channels);
        const std::vector<float> dense = random_numbers(static_cast<std::size_t>(6 * channels));
        const std::vector<float> strided = with_stride(dense, channels, padded);
        layer l;
        l.in = {2, 3, channels, channels};
        l.out = {2, 3, channels, padded};
        operands o;
        std::vector<float> up(strided.size(), -1.0F), down(dense.size(), -1.0F);
        o.input = dense.data();
        o.output = up.data();
        copy_kernel::run(l, o, sequential);
        for (std::size_t i = 0; i < up.size(); ++i) {
            const std::size_t c = i % static_cast<std::size_t>(padded);
            CHECK(up[i] == (c < static_cast<std::size_t>(channels) ? strided[i] : 0.0F));
        }
        std::swap(l.in, l.out);
        o.input = strided.data();
        o.output = down.data();
        copy_kernel::run(l, o, sequential);
        CHECK(down == dense);
    }
}
