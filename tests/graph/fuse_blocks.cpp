// The block fusion pass: each pattern that becomes one step, and each that must not.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/fuse_blocks.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace fovea;

namespace {

struct chain {
    builder<24> b;
    node_id expand = -1, depthwise = -1, project = -1;

    explicit chain(shape in, const window& w = window::same(3), int projected = 16) {
        expand = b.conv2d(b.input(in), 0, 4 * in.channels, window{});
        depthwise = b.conv2d(expand, 0, 4 * in.channels, w, 4 * in.channels);
        project = b.conv2d(depthwise, 0, projected, window{});
    }
    std::vector<step> steps(node_id output) {
        b.part(b.output("out", layout::map), output);
        REQUIRE(b.first_fault().kind == fault::none);
        const auto layers = fuse<64>(b.view());
        const auto fused = fuse_blocks<64>(b.view(), layers.view());
        return {fused.view().begin(), fused.view().end()};
    }
};

} // namespace

TEST_CASE("expansion, depthwise convolution and projection of a large map are one step") {
    chain c({28, 28, 8});
    const auto steps = c.steps(c.project);
    REQUIRE(steps.size() == 1);
    CHECK(steps[0].expand.node == c.expand);
    CHECK(steps[0].depthwise.node == c.depthwise);
    CHECK(steps[0].node == c.project);
    CHECK(steps[0].input == 0);
    CHECK(steps[0].value == c.project);
}

TEST_CASE("a small map keeps its projection apart") {
    chain c({14, 14, 8});
    const auto steps = c.steps(c.project);
    REQUIRE(steps.size() == 2);
    CHECK(steps[0].expand.node == c.expand);
    CHECK(steps[0].node == c.depthwise);
    CHECK(steps[1].node == c.project);
    CHECK(steps[1].depthwise.node == -1);
}

TEST_CASE("so does a projection whose weights would pass by too often") {
    chain c({28, 28, 64}, window::same(3), 256);
    CHECK(c.steps(c.project).size() == 2);
}

TEST_CASE("squeeze-excite's pool joins the depthwise convolution") {
    builder<24> b;
    const node_id expand = b.conv2d(b.input({28, 28, 8}), 0, 32, window{});
    const node_id depthwise = b.conv2d(expand, 0, 32, window::same(3), 32);
    const node_id pool = b.global_average_pool(depthwise, 0);
    const node_id scaled = b.scale(depthwise, b.conv2d(pool, 0, 32, window{}), 0);
    b.part(b.output("out", layout::map), b.conv2d(scaled, 0, 8, window{}));
    const auto layers = fuse<64>(b.view());
    const auto fused = fuse_blocks<64>(b.view(), layers.view());
    REQUIRE(fused.count == 3); // block, gate, projection
    CHECK(fused.steps[0].node == depthwise);
    CHECK(fused.steps[0].expand.node == expand);
    CHECK(fused.steps[0].pool == pool);
    CHECK(fused.steps[1].input == pool);
    CHECK(fused.steps[2].depthwise.node == -1);
}

TEST_CASE("an expansion that is read elsewhere, or is an output, stays a step of its own") {
    chain c({28, 28, 8});
    const node_id other = c.b.conv2d(c.expand, 0, 16, window{});
    const auto steps = c.steps(c.b.add(c.project, other, 0));
    for (const step& s : steps)
        CHECK(s.expand.node == -1);
}

TEST_CASE("windows that no block has are steps of their own") {
    for (const window& w : {window::same(7), window::same(3, 1, 2), window{3, 5, 1, 1, 1, 2, 1, 2}}) {
        chain c({28, 28, 8}, w);
        CHECK(c.steps(c.project).size() == 3);
    }
}

TEST_CASE("a first convolution joins the block behind it") {
    builder<24> b;
    const node_id stem = b.conv2d(b.input({64, 64, 3}), 0, 16, window::same(3, 2));
    const node_id depthwise = b.conv2d(stem, 0, 16, window::same(3), 16);
    b.part(b.output("out", layout::map), b.conv2d(depthwise, 0, 8, window{}));
    const auto layers = fuse<64>(b.view());
    const auto fused = fuse_blocks<64>(b.view(), layers.view());
    REQUIRE(fused.count == 1);
    CHECK(fused.steps[0].expand.node == stem);
    CHECK(fused.steps[0].depthwise.node == depthwise);
}

TEST_CASE("a weighted sum reads its second map through a resize to nearest neighbours") {
    using mode = resize_method::mode_type;
    struct {
        mode how;
        bool is_second, is_read_twice;
    } cases[] = {{mode::nearest, true, false},
                 {mode::bilinear, true, false},
                 {mode::nearest, false, false},
                 {mode::nearest, true, true}};
    for (const auto& c : cases) {
        builder<24> b;
        const node_id fine = b.conv2d(b.input({8, 8, 8}), 0, 8, window::same_tf(3));
        const node_id coarse = b.conv2d(fine, 0, 8, window::same_tf(3, 2));
        const node_id up = b.resize_by(coarse, 0, 2, {c.how});
        const node_id sum = c.is_second ? b.weighted_sum({fine, up}, 0) : b.weighted_sum({up, fine}, 0);
        const node_id a = b.activate(sum, 0, activation::silu);
        b.part(b.output("out", layout::map), a);
        if (c.is_read_twice)
            b.part(b.output("up", layout::map), up);
        REQUIRE(b.first_fault().kind == fault::none);
        const auto layers = fuse<64>(b.view());
        const auto fused = fuse_blocks<64>(b.view(), layers.view());
        const bool through = &c == cases;
        CHECK(layers.count - fused.count == (through ? 1 : 0));
        const step& found = fused.steps[through ? 2 : 3];
        CHECK(found.node == sum);
        CHECK(found.value == a);
        CHECK(found.resized == (through ? up : -1));
        CHECK(found.residual == (through ? coarse : c.is_second ? up : fine));
    }
}
