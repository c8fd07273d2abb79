// The fusion pass: each pattern that becomes one step, and each that must not.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/fuse.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace fovea;

namespace {

using small_builder = builder<24>;

std::vector<step> steps_of(const small_builder& b) {
    REQUIRE(b.first_fault().kind == fault::none);
    const auto fused = fuse<64>(b.view());
    return {fused.view().begin(), fused.view().end()};
}

void emit(small_builder& b, node_id x) {
    b.part(b.output("out", layout::map), x);
}

node_id conv(small_builder& b, node_id x, int channels = 8) {
    return b.conv2d(x, 0, channels, window::same(3));
}

} // namespace

TEST_CASE("convolution, batch-norm and activation are one step") {
    small_builder b;
    const node_id c = conv(b, b.input({8, 8, 8})), n = b.batch_norm(c, 0, 1e-5F);
    const node_id a = b.activate(n, 0, activation::hardswish);
    emit(b, a);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].node == c);
    CHECK(steps[0].norm == n);
    CHECK(steps[0].input == 0);
    CHECK(steps[0].value == a);
    CHECK(steps[0].act == activation::hardswish);
    CHECK(steps[0].residual == -1);
}

TEST_CASE("a residual is added in either operand order, before the activation") {
    for (bool first : {false, true}) {
        small_builder b;
        const node_id x = conv(b, b.input({8, 8, 8}));
        const node_id n = b.batch_norm(conv(b, x), 0, 1e-5F);
        const node_id sum = first ? b.add(n, x, 0) : b.add(x, n, 0);
        const node_id a = b.activate(sum, 0, activation::relu);
        emit(b, a);
        const auto steps = steps_of(b);
        REQUIRE(steps.size() == 2);
        CHECK(steps[1].residual == x);
        CHECK(steps[1].value == a);
        CHECK(steps[1].act == activation::relu);
    }
}

TEST_CASE("of two branches the later one takes the addition in") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 8}));
    const node_id left = conv(b, x), right = conv(b, x);
    const node_id sum = b.add(left, right, 0);
    emit(b, sum);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 3);
    CHECK(steps[1].value == left);
    CHECK(steps[1].residual == -1);
    CHECK(steps[2].node == right);
    CHECK(steps[2].residual == left);
    CHECK(steps[2].value == sum);
}

TEST_CASE("what is read elsewhere too is not fused away") {
    small_builder b;
    const node_id c = conv(b, b.input({8, 8, 8}));
    const node_id a =
        b.activate(c, 0, activation::relu); // c is an output: the activation is a step of its own
    emit(b, c);
    emit(b, a);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 3);
    CHECK(steps[0].value == c);
    CHECK(steps[1].node == a);
    CHECK(steps[1].act == activation::relu);
    CHECK(steps[2].node == -1); // c, copied to its output
    CHECK(steps[2].input == c);
    CHECK(steps[2].output == 0);
}

TEST_CASE("an addition of a map to itself or to the image stays a step") {
    small_builder b;
    const node_id image = b.input({8, 8, 8});
    const node_id twice = b.add(image, image, 0);
    const node_id c = conv(b, twice), sum = b.add(c, image, 0);
    emit(b, sum);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 3);
    CHECK(steps[0].node == twice);
    CHECK(steps[0].residual == image);
    CHECK(steps[1].value == c);
    CHECK(steps[2].node == sum);
    CHECK(steps[2].input == c);
    CHECK(steps[2].residual == image);
}

TEST_CASE("the pointwise convolution behind a gate takes it in") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 3}));
    const node_id pooled = b.global_average_pool(x, 0);
    const node_id gate = b.activate(b.conv2d(pooled, 0, 8, window{}, 1, true), 0, activation::hardsigmoid);
    const node_id scaled = b.scale(x, gate, 0);
    const node_id project = b.conv2d(scaled, 0, 16, window{});
    emit(b, project);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 4);
    CHECK(steps[2].value == gate);
    CHECK(steps[3].node == project);
    CHECK(steps[3].input == x);
    CHECK(steps[3].gate == gate);
}

TEST_CASE("a gate before anything but one pointwise convolution is a step") {
    for (int variant = 0; variant < 4; ++variant) {
        small_builder b;
        const node_id x = conv(b, b.input({8, 8, 3}));
        const node_id gate = b.global_average_pool(x, 0);
        const node_id scaled = b.scale(x, gate, 0);
        if (variant == 0) // a window
            emit(b, conv(b, scaled));
        else if (variant == 1) { // two readers
            emit(b, b.conv2d(scaled, 0, 8, window{}));
            emit(b, b.conv2d(scaled, 0, 8, window{}));
        } else if (variant == 2) // a depthwise convolution
            emit(b, b.conv2d(scaled, 0, 8, window::same(3), 8));
        else // a gate on a gate
            emit(b, b.scale(scaled, gate, 0));
        const auto steps = steps_of(b);
        INFO(variant);
        CHECK(steps.at(2).node == scaled);
        CHECK(steps.at(2).gate == gate);
        CHECK(steps.at(2).input == x);
        CHECK(steps.at(3).input == scaled);
    }
}

TEST_CASE("dropout vanishes wherever it is read") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 8}));
    const node_id dropped = b.dropout(b.dropout(x, 0, 0.1F), 0, 0.2F);
    const node_id c = conv(b, dropped);
    const node_id sum = b.add(c, dropped, 0);
    emit(b, sum);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 2);
    CHECK(steps[1].input == x);
    CHECK(steps[1].residual == x);
    CHECK(steps[1].value == sum);
}

TEST_CASE("a residual is added behind stochastic depth, in either operand order") {
    for (bool first : {false, true}) {
        small_builder b;
        const node_id x = conv(b, b.input({8, 8, 8}));
        const node_id c = conv(b, x), n = b.batch_norm(c, 0, 1e-5F);
        const node_id kept = b.stochastic_depth(n, 0, 0.2F);
        const node_id sum = first ? b.add(kept, x, 0) : b.add(x, kept, 0);
        emit(b, sum);
        const auto steps = steps_of(b);
        REQUIRE(steps.size() == 2);
        CHECK(steps[1].node == c);
        CHECK(steps[1].norm == n);
        CHECK(steps[1].residual == x);
        CHECK(steps[1].value == sum);
    }
}

TEST_CASE("a branch that is read twice behind stochastic depth keeps its addition apart") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 8}));
    const node_id c = conv(b, x), kept = b.stochastic_depth(c, 0, 0.2F);
    const node_id sum = b.add(kept, x, 0);
    emit(b, sum);
    emit(b, conv(b, kept));
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 4);
    CHECK(steps[1].residual == -1);
    CHECK(steps[1].value == c);
}

TEST_CASE("stochastic depth vanishes, group-norm is a step of its own") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 8}));
    const node_id norm = b.group_norm(conv(b, b.stochastic_depth(b.dropout(x, 0, 0.1F), 0, 0.2F)), 0, 2);
    emit(b, b.add(b.stochastic_depth(norm, 0, 0.2F), x, 0));
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 4);
    CHECK(steps[1].input == x);
    CHECK(steps[2].node == norm);
    CHECK(steps[3].input == norm);
    CHECK(steps[3].residual == x);
}

TEST_CASE("an output that is a dropout, the image, or listed twice is copied") {
    small_builder b;
    const node_id image = b.input({8, 8, 8});
    const node_id x = conv(b, image), dropped = b.dropout(x, 0, 0.1F), y = conv(b, image);
    for (node_id o : {image, dropped, y, y})
        emit(b, o);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 6);
    for (std::size_t i = 2; i < 6; ++i) {
        CHECK(steps[i].node == -1);
        CHECK(steps[i].value == -1);
        CHECK(steps[i].output == static_cast<int>(i) - 2);
    }
    CHECK(steps[2].input == image);
    CHECK(steps[3].input == x);
    CHECK(steps[4].input == y);
    CHECK(steps[5].input == y);
}

TEST_CASE("an output of whole vectors, or of a matrix product, is written in place") {
    for (int channels : {8, 12}) {
        small_builder b;
        const node_id x = conv(b, b.input({8, 8, 3}), channels);
        const node_id pooled = b.global_average_pool(x, 0);
        emit(b, pooled);
        emit(b, b.linear(pooled, 0, 5));
        const auto steps = steps_of(b);
        CHECK(steps.back().node == -1); // the pooled map is read by the linear layer too
        small_builder only_pool;
        emit(only_pool,
             only_pool.global_average_pool(conv(only_pool, only_pool.input({8, 8, 3}), channels), 0));
        CHECK(steps_of(only_pool).size() == (channels % 8 == 0 ? 2U : 3U));
    }
}

TEST_CASE("a weighted sum takes in the activation behind it") {
    for (bool three : {false, true})
        for (bool read_twice : {false, true}) {
            small_builder b;
            const node_id x = conv(b, b.input({8, 8, 8})), y = conv(b, x), z = b.dropout(x, 0, 0.5F);
            const node_id sum = three ? b.weighted_sum({y, x, z}, 0) : b.sum({y, x}, 0);
            const node_id a = b.activate(sum, 0, activation::silu);
            if (read_twice)
                emit(b, sum);
            emit(b, a);
            const auto steps = steps_of(b);
            REQUIRE(steps.size() == (read_twice ? 5U : 3U));
            CHECK(steps[2].node == sum);
            CHECK(steps[2].value == (read_twice ? sum : a));
            CHECK(steps[2].act == (read_twice ? activation::identity : activation::silu));
            CHECK(steps[2].input == y);
            CHECK(steps[2].residual == x);
            CHECK(steps[2].third == (three ? x : -1)); // behind the dropout
        }
}

TEST_CASE("batch-norm, activation, addition and gate on their own are steps") {
    small_builder b;
    const node_id x = b.input({8, 8, 8});
    const node_id n = b.batch_norm(x, 0, 1e-5F);
    const node_id a = b.activate(n, 0, activation::silu);
    const node_id s = b.scale(a, b.global_average_pool(a, 0), 0);
    const node_id sum = b.add(s, a, 0);
    emit(b, sum);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 5);
    CHECK(steps[0].node == n);
    CHECK(steps[0].norm == -1);
    CHECK(steps[1].act == activation::silu);
    CHECK(steps[3].gate >= 0);
    CHECK(steps[4].input == s);
    CHECK(steps[4].residual == a);
}

TEST_CASE("batch-norm behind an addition is not folded into the convolution before it") {
    small_builder b;
    const node_id x = conv(b, b.input({8, 8, 8}));
    const node_id sum = b.add(conv(b, x), x, 0);
    const node_id n = b.batch_norm(sum, 0, 1e-5F);
    emit(b, n);
    const auto steps = steps_of(b);
    REQUIRE(steps.size() == 3);
    CHECK(steps[1].value == sum);
    CHECK(steps[1].norm == -1);
    CHECK(steps[2].node == n);
}
