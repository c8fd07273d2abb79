// Networks run on bytes: the same bits as on the floats that the bytes stand for.
#include "support/random_weights.hpp"

#include <fovea/program/runtime_program.hpp>
#include <fovea/program/thread_executor.hpp>

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// A convolution of the image and a pointwise one behind it.
struct small_table {
    shape input;
    int groups = 1, dilation = 1; // of the first
    bool read_twice = false;      // a pointwise convolution reads the image, too
};

template <std::size_t Capacity>
constexpr void build_graph(builder<Capacity>& b, const small_table& t) {
    const node_id image = b.input(t.input);
    const node_id x = b.conv2d(image, b.child(0, "first"), t.groups == 1 ? 8 : t.input.channels,
                               window::same(3, 2, t.dilation), t.groups, true);
    b.part(b.output("y", layout::map), b.conv2d(x, b.child(0, "last"), 5, window{}, 1, true));
    if (t.read_twice)
        b.part(b.output("z", layout::map), b.conv2d(image, b.child(0, "other"), 4, window{}, 1, true));
}

std::vector<float> outputs_of(const network& net) {
    std::vector<float> all;
    for (std::size_t i = 0; i < net.program().graph.outputs.size(); ++i)
        all.insert(all.end(), net.output(i).begin(), net.output(i).end());
    return all;
}

constexpr pixel_scaling scaling{{0.017F, 0.018F, 0.0174F, 1}, {-2.1F, -2.0F, -1.8F, 0.5F}};

void check(const small_table& table, int batch, executor& ex) {
    const runtime_program program(table);
    network net(program.view(), random_weights(program.graph(), 1));
    net.plan(batch, table.input.height, table.input.width);
    net.run_on(ex);
    std::vector<std::uint8_t> bytes;
    std::vector<float> floats;
    const pixel_scaler scale(scaling, table.input.channels);
    for (std::size_t i = 0; i < table.input.size() * static_cast<std::size_t>(batch); ++i)
        bytes.push_back(static_cast<std::uint8_t>(i * i % 251));
    floats.resize(bytes.size());
    scale(bytes.data(), static_cast<int>(bytes.size()), floats.data());
    net.forward(floats.data());
    const std::vector<float> expected = outputs_of(net);
    net.forward(std::vector<float>(floats.size()).data());
    CHECK(outputs_of(net) != expected);
    net.forward(bytes.data(), scaling);
    CHECK(outputs_of(net) == expected);
    net.forward(floats.data());
    CHECK(outputs_of(net) == expected);
}

} // namespace

TEST_CASE("bytes reach every kind of first kernel") {
    sequential_executor sequential;
    thread_executor threads(2);
    for (executor* ex : {static_cast<executor*>(&sequential), static_cast<executor*>(&threads)})
        for (int batch : {1, 3}) {
            check({{9, 11, 3}}, batch, *ex);             // a stem
            check({{9, 11, 4}}, batch, *ex);             // another
            check({{9, 11, 3}, 1, 2}, batch, *ex);       // a kernel that reads floats
            check({{9, 11, 3}, 3}, batch, *ex);          // depthwise: floats with padding
            check({{9, 11, 3}, 1, 1, true}, batch, *ex); // two kernels, one of which reads floats
        }
}

TEST_CASE("bytes for more than four channels are an input error") {
    const runtime_program program(small_table{{9, 11, 5}});
    network net(program.view(), random_weights(program.graph(), 1));
    CHECK_THROWS_WITH(net.forward(std::vector<std::uint8_t>(9 * 11 * 5).data(), scaling),
                      "bytes for a network of 5 input channels; expected at most 4");
}
