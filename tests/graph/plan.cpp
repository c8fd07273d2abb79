// The memory plan: no two values that live at the same time share memory, on every graph of the zoo and on
// random ones.
#include "support/random_graph.hpp"

#include <fovea/models/efficientnet.hpp>
#include <fovea/models/mobilenet_v2.hpp>
#include <fovea/models/ssdlite.hpp>
#include <fovea/program/replan.hpp>

#include <catch2/catch.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

// A graph with its steps, as fuse() leaves them.
struct fused_graph {
    builder<1024> b;
    step_list<1200> steps;

    template <class Table>
    explicit fused_graph(const Table& table) {
        build_graph(b, table);
        REQUIRE(b.first_fault().kind == fault::none);
        steps = fuse<1200>(b.view());
    }
};

bool reads(const step& s, node_id value) {
    return s.input == value || s.gate == value || s.residual == value || s.third == value;
}

// First and last step at which a value's memory must be its own. A value that nobody reads is still written.
struct lifetime {
    int first = -1, last = -1;
};

lifetime lifetime_of(span<const step> steps, node_id value, bool is_input) {
    lifetime life;
    if (is_input)
        life = {0, 0};
    for (std::size_t s = 0; s < steps.size(); ++s) {
        if (steps[s].value == value)
            life.first = life.last = static_cast<int>(s);
        if (reads(steps[s], value))
            life.last = static_cast<int>(s);
    }
    return life;
}

// Checks a plan against the lifetimes by comparing all pairs of values.
void check_plan(graph_view g, span<const step> steps, int height, int width, bool keep_all) {
    const runtime_plan plan = plan_for(g, steps, height, width, keep_all);
    struct block {
        std::size_t begin, end;
        lifetime life;
    };
    std::vector<block> blocks;
    std::size_t total = 0;
    for (node_id i = 0; i < g.size(); ++i) {
        const memory_place& p = plan.places[static_cast<std::size_t>(i)];
        const lifetime life = lifetime_of(steps, i, g[i].kind == op::input);
        bool written = g[i].kind == op::input;
        for (const step& s : steps)
            written = written || s.value == i;
        REQUIRE((p.where != place::none) == written);
        if (p.where != place::arena)
            continue;
        const std::size_t floats = arena_floats(plan.shapes[static_cast<std::size_t>(i)]);
        CHECK(p.offset % 16 == 0);
        CHECK(p.offset + floats <= plan.floats);
        blocks.push_back({p.offset, p.offset + floats, life});
        total += floats;
    }
    for (std::size_t a = 0; a < blocks.size(); ++a)
        for (std::size_t c = 0; c < a; ++c) {
            const bool together = keep_all || (blocks[a].life.first <= blocks[c].life.last &&
                                               blocks[c].life.first <= blocks[a].life.last);
            const bool overlap = blocks[a].begin < blocks[c].end && blocks[c].begin < blocks[a].end;
            REQUIRE_FALSE((together && overlap));
        }
    if (keep_all)
        CHECK(plan.floats == total);
    else
        CHECK(plan.floats <= total);
}

template <class Table>
void check_table(const Table& table) {
    const auto graph = std::make_unique<fused_graph>(table);
    const graph_view g = graph->b.view();
    const shape input = g[0].out;
    for (bool keep_all : {false, true}) {
        check_plan(g, graph->steps.view(), input.height, input.width, keep_all);
        check_plan(g, graph->steps.view(), 193, 225, keep_all);
        check_plan(g, graph->steps.view(), 33, 65, keep_all);
    }
}

} // namespace

TEST_CASE("values that live together never share memory in the zoo") {
    check_table(tables::mobilenet_v2);
    check_table(tables::mobilenet_v2.with_width(0.35).without_classifier());
    check_table(tables::mobilenet_v3_large);
    check_table(tables::mobilenet_v3_large.with_reduced_tail().with_dilation());
    check_table(tables::mobilenet_v3_small.without_classifier());
    check_table(tables::efficientnet_b0);
    check_table(tables::efficientnet_lite1.with_width(0.5));
    check_table(tables::ssdlite320_mobilenet_v3_large);
    check_table(tables::ssdlite320_mobilenet_v3_large.with_classes(3).with_backbone(
        tables::mobilenet_v3_small.with_width(0.5).with_input(320, 320)));
}

TEST_CASE("values that live together never share memory in random graphs") {
    for (unsigned seed = 0; seed < 500; ++seed) {
        INFO("seed " << seed);
        const auto graph = std::make_unique<fused_graph>(random_table{seed});
        const graph_view g = graph->b.view();
        for (bool keep_all : {false, true})
            check_plan(g, graph->steps.view(), g[0].out.height, g[0].out.width, keep_all);
    }
}

TEST_CASE("memory is reused: MobileNetV3-Large needs three of its largest maps at most") {
    const fused_graph graph(tables::mobilenet_v3_large);
    const graph_view g = graph.b.view();
    const runtime_plan plan = plan_for(g, graph.steps.view(), 224, 224);
    std::size_t largest = 0;
    for (const shape& s : plan.shapes)
        largest = std::max(largest, arena_floats(s));
    CHECK(plan.floats < 3 * largest);
}

TEST_CASE("a value that only an output reads is written to it") {
    const fused_graph graph(tables::mobilenet_v3_large);
    const graph_view g = graph.b.view();
    const runtime_plan plan = plan_for(g, graph.steps.view(), 224, 224);
    CHECK(plan.places.back().where == place::output);
    CHECK(plan.places.back().part == 0);
    CHECK(plan.places.front().where == place::input);
}

TEST_CASE("sizes that a network cannot take are input errors") {
    const fused_graph graph(tables::mobilenet_v3_small);
    const graph_view g = graph.b.view();
    const span<const step> steps = graph.steps.view();
    CHECK_THROWS_AS(plan_for(g, steps, 0, 224), input_error);
    CHECK_THROWS_AS(plan_for(g, steps, 224, -1), input_error);
    CHECK_THROWS_AS(plan_for(g, steps, 1 << 20, 224), input_error);
    CHECK_THROWS_AS(plan_for(g, steps, 1 << 15, 1 << 15), input_error);
    CHECK_NOTHROW(plan_for(g, steps, 1, 1));
    CHECK_THROWS_WITH(plan_for(g, steps, 0, 224), "an input of 0x224 pixels; expected 1x1 to 32768x32768");

    builder<4> b;
    b.part(b.output("o", layout::map),
           b.conv2d(b.input({9, 9, 3}), b.child(0, "stem"), 8, {5, 5, 1, 1, 0, 0, 0, 0, 1}));
    const auto valid_only = fuse<8>(b.view());
    CHECK_THROWS_WITH(
        plan_for(b.view(), valid_only.view(), 4, 9),
        "the network cannot take an input of 4x9 pixels: node 1 'stem': a window larger than its padded "
        "input (got: input side, want at least: window side); got 4, want 5");
}
