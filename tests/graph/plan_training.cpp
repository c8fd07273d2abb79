// The memory plan of training as a constant: large networks stay within the compilers' default limits. What the plan
// says is tested by whole passes, tests/program/training_network.cpp.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/plan_training.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

// As many nodes as EfficientDet-D0 has: residual blocks, and a pyramid's weighted sums behind every tenth.
constexpr auto long_network = [] {
    builder<800> b;
    node_id x = b.conv2d(b.input({64, 64, 8}), b.child(0, "stem"), 8, window::same_tf(3));
    for (int i = 0; i < 150; ++i) {
        const int block = b.child(0, i);
        const node_id y = b.batch_norm(b.conv2d(x, b.child(block, 0), 8, window::same_tf(3)), b.child(block, 1), 1e-3F);
        const node_id sum =
            i % 10 == 9 ? b.weighted_sum({y, x}, b.child(block, "p3_w1")) : b.add(y, x, 0);
        x = b.activate(sum, 0, activation::silu);
    }
    b.part(b.output("out", layout::map), x);
    return b;
}();
static_assert(long_network.first_fault().kind == fault::none);
constexpr graph_view long_graph = long_network.view();
constexpr std::size_t node_total = long_graph.nodes.size();
static_assert(node_total == 602);

constexpr auto long_shapes = [] {
    std::array<shape, node_total> shapes{};
    for (std::size_t i = 0; i < node_total; ++i)
        shapes[i] = long_graph.nodes[i].out;
    return shapes;
}();
constexpr auto long_steps = fuse_training<node_total>(long_graph);
constexpr auto long_plan = plan_training<node_total>(long_graph, long_steps.view(), long_shapes, {2, false, false});

} // namespace

TEST_CASE("the training plan of a large network is a constant, and the same at run time") {
    static_assert(long_plan.floats > 0);
    // Another capacity: g++ 12 takes initialisers of a class that it has used in a constant for those of run time.
    const auto plan =
        plan_training<node_total + 1>(long_graph, long_steps.view(), long_shapes, {2, false, false});
    CHECK(plan.floats == long_plan.floats);
    for (std::size_t i = 0; i < node_total; ++i) {
        CHECK(plan.values[i].offset == long_plan.values[i].offset);
        CHECK(plan.gradients[i].offset == long_plan.gradients[i].offset);
    }
}
