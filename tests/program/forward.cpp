// Forward passes of random graphs against the reference kernels, node by node and unfused.
#include "support/interpreter.hpp"
#include "support/random_graph.hpp"
#include "support/random_weights.hpp"

#include <fovea/program/runtime_program.hpp>
#include <fovea/program/thread_executor.hpp>

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// A gate on the image itself, whose three channels are no whole vector.
struct gated_image {};

template <class Builder>
void build_graph(Builder& b, gated_image) {
    const node_id image = b.input({5, 3, 3});
    const node_id scaled = b.scale(image, b.global_average_pool(image, 0), 0);
    b.part(b.output("out", layout::map), b.conv2d(scaled, b.child(0, "conv"), 8, window{}, 1, true));
}

} // namespace

TEST_CASE("an image may be gated before a pointwise convolution") {
    const runtime_program program(gated_image{});
    const state_dict weights = random_weights(program.graph(), 1);
    network net(program.view(), weights);
    std::minstd_rand generator;
    const std::vector<float> image = random_numbers(generator, net.input_shape().size(), -2, 2);
    net.forward(image.data());
    const std::vector<shape> shapes{{5, 3, 3}, {1, 1, 3}, {5, 3, 3}, {5, 3, 8}};
    check_outputs(net, interpreter(program.graph(), weights).run(image, shapes), 0);
}

TEST_CASE("random graphs compute what the reference computes, at their own and at other sizes") {
    thread_executor threads(3);
    for (unsigned seed = 0; seed < 300; ++seed) {
        INFO("seed " << seed);
        const runtime_program program(random_table{seed});
        const graph_view g = program.graph();
        const state_dict weights = random_weights(g, seed);
        network net(program.view(), weights);
        std::minstd_rand generator(seed + 99);
        const shape own = g[0].out;
        const shape larger{own.height + random_table::more_rows, own.width + random_table::more_columns,
                           own.channels};
        for (const shape& size : {own, larger}) {
            constexpr int batch = 2;
            const bool keep = seed % 3 == 0;
            net.plan(batch, size.height, size.width, keep);
            const std::vector<float> images = random_numbers(generator, batch * size.size(), -2, 2);
            net.forward(images.data());
            std::vector<shape> shapes;
            for (node_id i = 0; i < g.size(); ++i)
                shapes.push_back(net.shape_of(i));
            interpreter reference(g, weights);
            for (std::size_t n = 0; n < batch; ++n) {
                const auto first = images.begin() + static_cast<std::ptrdiff_t>(n * size.size());
                check_outputs(
                    net, reference.run({first, first + static_cast<std::ptrdiff_t>(size.size())}, shapes), n);
            }
            const std::vector<float> alone(net.output(0).begin(), net.output(0).end());
            network parallel(program.view(), weights);
            parallel.run_on(threads);
            parallel.plan(batch, size.height, size.width);
            parallel.forward(images.data());
            REQUIRE(std::equal(alone.begin(), alone.end(), parallel.output(0).begin()));
        }
    }
}
