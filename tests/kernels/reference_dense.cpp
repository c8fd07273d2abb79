#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/batch_norm.hpp>
#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/reference/linear.hpp>
#include <fovea/kernels/reference/softmax.hpp>

#include "finite_differences.hpp"
#include "support/golden.hpp"
#include "support/layout.hpp"

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr std::size_t images = 2, channel_count = 6, inputs = 90, outputs = 7;

// Row `n` of an NCHW batch, flattened as torch does.
std::vector<float> row_of(const array& x, std::size_t n) {
    std::vector<float> row;
    for (std::size_t i = 0; i < inputs; ++i)
        row.push_back(static_cast<float>(x.values[n * inputs + i]));
    return row;
}

} // namespace

TEST_CASE("batch norm, scale, linear and softmax agree with torch") {
    const golden_case golden = own_golden("kernels", "dense");
    const array x = golden.input("x");
    const shape in = image_shape(x.shape);
    REQUIRE(in == shape{3, 5, static_cast<int>(channel_count)});
    const auto gamma = fill_value("bn.weight", {channel_count}),
               beta = fill_value("bn.bias", {channel_count}, true);
    const auto mean = fill_value("bn.running_mean", {channel_count}),
               var = fill_value("bn.running_var", {channel_count});
    const auto weight = fill_value("fc.weight", {outputs, inputs}), bias = fill_value("fc.bias", {outputs});
    std::vector<float> gate = fill_value("fc.bias", {channel_count});
    reference::activate<float>(activation::sigmoid, gate, gate);

    array normed = make_batch(images, in), scaled = normed;
    std::vector<float> map(in.size()), logits(images * outputs), probabilities(images * inputs);
    for (std::size_t n = 0; n < images; ++n) {
        const std::vector<float> image = image_of<float>(x, n);
        const auto input = reference::make_map(image.data(), in);
        reference::batch_norm<float>(input, {gamma, beta, mean, var, 1e-3},
                                     reference::make_map(map.data(), in));
        put_image(normed, n, map);
        reference::scale<float>(input, gate, reference::make_map(map.data(), in));
        put_image(scaled, n, map);

        std::vector<float> row = row_of(x, n);
        reference::linear<float>(row, {weight.data(), {outputs, inputs}}, bias,
                                 {&logits[n * outputs], outputs});
        for (float& v : row)
            v *= 10;
        reference::softmax<float>(row, {&probabilities[n * inputs], inputs});
    }
    CHECK(compare(golden.output("batch_norm"), normed));
    CHECK(compare(golden.output("scale"), scaled));
    CHECK(compare(golden.output("linear"), {{images, outputs}, logits}));
    CHECK(compare(golden.output("softmax"), {{images, inputs}, probabilities}));
}

TEST_CASE("softmax neither overflows nor fails on an empty row") {
    const float x[] = {1000, 1000, -1000};
    float y[3];
    reference::softmax<float>(x, y);
    CHECK(y[0] == 0.5f);
    CHECK(y[2] == 0.0f);
    CHECK_NOTHROW(reference::softmax<float>({}, {}));
}

TEST_CASE("elementwise sums, and shapes that disagree") {
    const float a[] = {1, 2, 3, 4}, b[] = {10, 20, 30, 40}, gate[] = {2, 3, 4};
    float y[4];
    reference::add<float>(a, b, y);
    CHECK(y[3] == 44);
    reference::linear<float>(a, {b, {1, 4}}, {}, {y, 1});
    CHECK(y[0] == 300);
    CHECK_THROWS_AS(reference::linear<float>(a, {b, {2, 2}}, {}, {y, 2}), input_error);
    CHECK_THROWS_AS(reference::scale<float>({a, {2, 1, 2}}, gate, {y, {2, 1, 2}}), input_error);
    CHECK_THROWS_AS(reference::batch_norm<float>({a, {2, 1, 2}}, {gate, gate, gate, gate}, {y, {2, 1, 2}}),
                    input_error);
}

TEST_CASE("gradients of a gate are the differences of what it makes of a map") {
    const shape in{3, 4, 5};
    std::vector<double> x(in.size()), gate(5), up(in.size()), y(in.size()), gx(in.size()), gg(5);
    for (std::size_t i = 0; i < x.size(); ++i) {
        x[i] = std::sin(static_cast<double>(i));
        up[i] = std::cos(static_cast<double>(i * i));
        gate[i % 5] = std::sin(static_cast<double>(i * 7));
    }
    const auto input = reference::make_map<const double>(x.data(), in);
    reference::scale_backward<double>(input, gate, reference::make_map<const double>(up.data(), in),
                                      reference::make_map(gx.data(), in), gg);
    const auto loss = [&] {
        reference::scale<double>(input, gate, reference::make_map(y.data(), in));
        return dot(y, up);
    };
    check_gradient("map", x, gx, loss);
    check_gradient("gate", gate, gg, loss);
}
