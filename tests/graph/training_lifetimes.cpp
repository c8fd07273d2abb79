// When training needs what: a small network worked out by hand.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/training_lifetimes.hpp>

#include <catch2/catch.hpp>

using namespace fovea;

namespace {

// Two convolutions with a norm and an activation between them: forward segments 0 and 1 are {convolution} and
// {norm, convolution}, 2 and 3 go back through {convolution} and {norm, convolution}.
constexpr auto small_network = [] {
    builder<8> b;
    const node_id x = b.input({8, 8, 8});
    const node_id first = b.conv2d(x, b.child(0, "first"), 8, window::same_tf(3));
    const node_id norm = b.batch_norm(first, b.child(0, "norm"), 1e-3F);
    const node_id active = b.activate(norm, 0, activation::silu);
    b.part(b.output("out", layout::map), b.conv2d(active, b.child(0, "last"), 8, window::same_tf(3)));
    return b;
}();
static_assert(small_network.first_fault().kind == fault::none);
constexpr graph_view small = small_network.view();
constexpr node_id small_input = 0, small_first = 1, small_active = 3, small_last = 4;
constexpr auto small_steps = fuse_training<8>(small);
static_assert(small_steps.count == 3);

struct result {
    training_order<8> order;
    training_lifetimes<8> lives;
};
constexpr result differentiated(const training_plan_options& options) {
    std::array<shape, 8> shapes{};
    for (std::size_t i = 0; i < small.nodes.size(); ++i)
        shapes[i] = small.nodes[i].out;
    result r;
    differentiate<8>(small, small_steps.view(), shapes, options, r.order, r.lives);
    return r;
}

constexpr bool lives(const segment_lifetime& l, int begin, int end) {
    return l.begin == begin && l.end == end;
}

} // namespace

TEST_CASE("values live until the backward pass has read them, gradients until they have been passed on") {
    constexpr result r = differentiated({2, false, false});
    static_assert(r.order.forward_segments.count == 2 && r.order.backward_segments.count == 2);
    static_assert(lives(r.lives.values[small_first], 0, 3));  // the norm's input
    static_assert(lives(r.lives.values[small_active], 1, 2)); // the last convolution's
    static_assert(lives(r.lives.values[small_input], 0, 3));  // the first one's weight gradient needs it
    static_assert(r.lives.recomputed[small_active].is_empty());
    CHECK(r.order.producers[small_last] == 2);
    for (int s = 0; s < 3; ++s)
        CHECK(r.order.backward[static_cast<std::size_t>(s)].runs);
}

TEST_CASE("an output that nothing else reads is the caller's, and a norm's gradients share their memory") {
    constexpr result r = differentiated({2, false, false});
    CHECK(r.lives.parts[small_last] == 0);
    CHECK(r.lives.parts[small_active] == -1);
    CHECK(r.lives.roots[small_first] == small_active);
    CHECK(lives(r.lives.gradients[small_active], 2, 3));
    CHECK(r.lives.gradients[small_first].is_empty());
    CHECK(r.lives.gradients[small_input].is_empty());
    CHECK(lives(differentiated({2, false, true}).lives.gradients[small_input], 3, 3));
}

TEST_CASE("an activation behind a norm is computed again where that is asked for") {
    constexpr result r = differentiated({2, true, false});
    CHECK(lives(r.lives.values[small_active], 1, 1));
    CHECK(lives(r.lives.recomputed[small_active], 2, 2));
    CHECK(r.order.backward[2].recomputes_input);
    CHECK_FALSE(r.order.backward[1].recomputes_input);
}
