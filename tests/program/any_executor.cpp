// Networks compute the same bits on every executor: for any number of workers and with tasks in any order.
#include "support/executors.hpp"
#include "support/random_weights.hpp"

#include <fovea/models/efficientnet.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/mobilenet_v3.hpp>
#include <fovea/models/ssdlite.hpp>
#include <fovea/program/runtime_program.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <random>

using namespace fovea;
using namespace fovea::test;

namespace {

// The numbers of one layer or of one output.
struct named_numbers {
    std::string name;
    std::vector<float> numbers;
};

std::vector<named_numbers> numbers_of_outputs(const network& net) {
    std::vector<named_numbers> outputs;
    for (std::size_t i = 0; i < net.program().graph.outputs.size(); ++i)
        outputs.push_back({"output " + std::to_string(i), {net.output(i).begin(), net.output(i).end()}});
    return outputs;
}

// Layer by layer, when the plan kept values.
std::vector<named_numbers> numbers_of_layers(const network& net) {
    const graph_view g = net.program().graph;
    std::vector<named_numbers> values;
    net.for_each_value([&](node_id i, const float* map, const map_layout& m) {
        named_numbers v{"node " + std::to_string(i) + ", " + full_name(g.names, g[i].name).str(), {}};
        for (std::ptrdiff_t p = 0; p < m.pixels(); ++p)
            v.numbers.insert(v.numbers.end(), map + p * m.stride, map + p * m.stride + m.channels);
        values.push_back(std::move(v));
    });
    return values;
}

// What differs first, or "none".
std::string first_difference(const std::vector<named_numbers>& expected,
                             const std::vector<named_numbers>& got) {
    if (expected.size() != got.size())
        return "the number of layers";
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const std::vector<float>&e = expected[i].numbers, &a = got[i].numbers;
        if (e.size() != a.size())
            return expected[i].name + ": its size";
        for (std::size_t k = 0; k < e.size(); ++k)
            if (std::memcmp(&e[k], &a[k], sizeof(float)) != 0)
                return expected[i].name + ": number " + std::to_string(k) + " of " +
                       std::to_string(e.size()) + " is " + std::to_string(a[k]) + ", expected " +
                       std::to_string(e[k]);
    }
    return "none";
}

// Outputs as users get them, and with memory of its own for every layer all layers' values. The memory is
// dirty from another image each time.
template <class Table>
void check_same_bits(const std::vector<named_executor>& executors, const Table& table, int height,
                     int width) {
    INFO(height << "x" << width << " pixels");
    const runtime_program program(table);
    network net(program.view(), random_weights(program.graph(), 1));
    net.plan(1, height, width);
    std::minstd_rand generator;
    const std::vector<float> other = random_numbers(generator, net.input_shape().size(), -2, 2),
                             image = random_numbers(generator, net.input_shape().size(), -2, 2);
    std::vector<named_numbers> outputs, values;
    const auto run = [&](executor& ex) {
        net.run_on(ex);
        net.plan(1, height, width);
        net.forward(other.data());
        net.forward(image.data());
        outputs = numbers_of_outputs(net);
        net.plan(1, height, width, true);
        net.forward(image.data());
        values = numbers_of_layers(net);
    };
    sequential_executor sequential;
    run(sequential);
    const std::vector<named_numbers> expected_outputs = outputs, expected_values = values;
    const std::vector<float>& numbers = expected_outputs.at(0).numbers;
    const auto [least, greatest] = std::minmax_element(numbers.begin(), numbers.end());
    REQUIRE(*least < *greatest);
    for (const named_executor& e : executors) {
        INFO(e.name);
        run(*e.runs);
        CHECK(first_difference(expected_values, values) == "none");
        CHECK(first_difference(expected_outputs, outputs) == "none");
    }
}

// Kernel sizes, dilations, activations and channel counts that the zoo has not.
constexpr tables::inverted_residual_v3 odd_rows[] = {
    // in, k, exp, out, SE, activation, stride, dilation
    {12, 3, 20, 12, false, activation::relu, 1, 1},      {12, 7, 44, 20, true, activation::silu, 2, 1},
    {20, 5, 60, 20, false, activation::hardswish, 1, 2}, {20, 3, 68, 28, true, activation::softplus, 2, 1},
    {28, 1, 72, 28, false, activation::relu6, 1, 1},
};

} // namespace

TEST_CASE("small images, odd sizes and odd tables give the same bits on every executor") {
    const std::vector<named_executor> all = all_executors();
    check_same_bits(all, tables::mobilenet_v3_large, 65, 81);
    check_same_bits(all, tables::mobilenet_v3_small, 96, 131);
    check_same_bits(all, tables::mobilenet_v2, 99, 37);
    check_same_bits(all, tables::mobilenet_v3_small.with_rows(odd_rows, 50).with_classes(7), 57, 83);
    check_same_bits(all, tables::ssdlite320_mobilenet_v3_large.with_classes(5), 97, 129);
}

TEST_CASE("MobileNetV2 computes the same bits on other executors") {
    check_same_bits(some_executors(), tables::mobilenet_v2, 224, 224);
}

TEST_CASE("MobileNetV3 computes the same bits on other executors") {
    check_same_bits(some_executors(), tables::mobilenet_v3_small, 224, 224);
    check_same_bits(some_executors(), tables::mobilenet_v3_large, 224, 224);
}

TEST_CASE("EfficientNet computes the same bits on other executors") {
    check_same_bits(some_executors(), tables::efficientnet_b0, 96, 96);
    check_same_bits(some_executors(), tables::efficientnet_lite0, 95, 97);
}

TEST_CASE("SSDLite320 computes the same bits on other executors") {
    check_same_bits(some_executors(), tables::ssdlite320_mobilenet_v3_large, 320, 320);
}

TEST_CASE("the zoo computes the same bits on every executor", "[long]") {
    const std::vector<named_executor> all = all_executors();
    check_same_bits(all, tables::mobilenet_v2, 224, 224);
    check_same_bits(all, tables::mobilenet_v3_small, 224, 224);
    check_same_bits(all, tables::mobilenet_v3_large, 224, 224);
    check_same_bits(all, tables::efficientnet_b0, 224, 224);
    check_same_bits(all, tables::efficientnet_lite0, 223, 225);
    check_same_bits(all, tables::ssdlite320_mobilenet_v3_large, 320, 320);
}
