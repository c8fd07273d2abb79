// The builder: shapes as they are pushed, and every fault by kind, node, got and want.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/cost.hpp>
#include <fovea/graph/params.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace fovea;

namespace {

template <class Push>
constexpr fault_report fault_of(Push push) {
    builder<8> b;
    push(b);
    return b.first_fault();
}

void check_fault(const fault_report& f, fault kind, int node, int got, int want) {
    INFO(explain(f.kind));
    CHECK(f.kind == kind);
    CHECK(f.node == node);
    CHECK(f.got == got);
    CHECK(f.want == want);
}

} // namespace

TEST_CASE("shapes follow from what is pushed") {
    builder<16> b;
    const node_id image = b.input({193, 225, 3});
    const node_id conv = b.conv2d(image, 0, 16, window::same(3, 2));
    CHECK(b.shape_of(conv) == shape{97, 113, 16});
    const node_id uneven = b.conv2d(conv, 0, 8, {3, 5, 2, 1, 1, 0, 1, 0, 1});
    CHECK(b.shape_of(uneven) == shape{49, 109, 8});
    CHECK(b.shape_of(b.activate(b.batch_norm(conv, 0, 1e-5F), 0, activation::relu)) == shape{97, 113, 16});
    const node_id gate = b.global_average_pool(conv, 0);
    CHECK(b.shape_of(gate) == shape{1, 1, 16});
    CHECK(b.shape_of(b.scale(conv, gate, 0)) == shape{97, 113, 16});
    CHECK(b.shape_of(b.linear(b.dropout(gate, 0, 0.2F), 0, 10)) == shape{1, 1, 10});
    CHECK(b.first_fault().kind == fault::none);
    CHECK(b.node_count() == 9);
    CHECK(b.shape_of(-1) == shape{});
    CHECK(b.shape_of(99) == shape{});
}

TEST_CASE("group-norm and stochastic depth keep the shape") {
    builder<8> b;
    const node_id x = b.input({5, 7, 24});
    const node_id norm = b.group_norm(x, b.child(0, "norm"), 6, 1e-4F);
    CHECK(b.shape_of(norm) == shape{5, 7, 24});
    CHECK(b.shape_of(b.stochastic_depth(norm, 0, 0.2F)) == shape{5, 7, 24});
    CHECK(b.first_fault().kind == fault::none);
    const graph_view g = b.view();
    CHECK(g[1].groups == 6);
    CHECK(g[1].epsilon == 1e-4F);
    CHECK(g[2].dropout == 0.2F);
    CHECK(name_of(g[1].kind) == "group_norm");
    CHECK(name_of(g[2].kind) == "stochastic_depth");
    CHECK(count_parameters(g) == 48);
    CHECK(count_state_entries(g) == 2);
    for_each_parameter(g, [&](const parameter& p) {
        CHECK(key_of(g, p).str() == (p.kind == parameter_kind::norm_weight ? "norm.weight" : "norm.bias"));
        CHECK(p.dims.size() == 24);
    });
    for (int groups : {0, -1, 5})
        check_fault(fault_of([&](auto& other) { other.group_norm(other.input({5, 7, 24}), 0, groups); }),
                    fault::bad_groups, 1, 24, groups);
}

TEST_CASE("pools and resizes have torch's shapes") {
    builder<16> b;
    const node_id x = b.input({75, 38, 8});
    CHECK(b.shape_of(b.max_pool(x, 0, {2, 2, 2, 2})) == shape{37, 19, 8});
    CHECK(b.shape_of(b.max_pool(x, 0, {2, 2, 2, 2}, true)) == shape{38, 19, 8});
    CHECK(b.shape_of(b.max_pool(x, 0, window::same(3))) == shape{75, 38, 8});
    CHECK(b.shape_of(b.avg_pool(x, 0, window::same(3, 2), true)) == shape{38, 20, 8});
    CHECK(b.shape_of(b.max_pool(x, 0, window::same(1, 2))) == shape{38, 19, 8});
    const node_id large = b.resize_by(x, 0, 1.7);
    CHECK(b.shape_of(large) == shape{127, 64, 8});
    CHECK(b.shape_of(b.resize_to(x, 0, 10, 12)) == shape{10, 12, 8});
    const node_id other = b.conv2d(large, 0, 3, window{});
    CHECK(b.shape_of(b.resize_like(x, other, 0)) == shape{127, 64, 8});
    CHECK(b.first_fault().kind == fault::none);
    CHECK(count_parameters(b.view()) == 24);
    CHECK(count_macs(b.view()) == 127 * 64 * 8 * 3);

    std::array<shape, 16> shapes{};
    CHECK(infer_shapes(b.view(), 20, 30, shapes).kind == fault::none);
    CHECK(shapes[1] == shape{10, 15, 8});
    CHECK(shapes[6] == shape{34, 51, 8});
    CHECK(shapes[7] == shape{10, 12, 8});
    CHECK(shapes[9] == shape{34, 51, 8});
}

TEST_CASE("TensorFlow's padding follows the input's size") {
    builder<8> b;
    const node_id x = b.input({64, 65, 8});
    const node_id conv = b.conv2d(x, 0, 16, window::same_tf(3, 2));
    CHECK(b.shape_of(conv) == shape{32, 33, 16});
    const window even = b.view()[conv].win;
    CHECK((even.pad_top == 0 && even.pad_bottom == 1 && even.pad_left == 1 && even.pad_right == 1));
    const node_id depthwise = b.conv2d(conv, 0, 16, window::same_tf(5, 2), 16);
    CHECK(b.shape_of(depthwise) == shape{16, 17, 16});
    const window w = b.view()[depthwise].win;
    CHECK((w.pad_top == 1 && w.pad_bottom == 2 && w.pad_left == 2 && w.pad_right == 2));
    CHECK(b.shape_of(b.max_pool(depthwise, 0, window::same_tf(3, 2))) == shape{8, 9, 16});
    CHECK(b.shape_of(b.conv2d(depthwise, 0, 4, window::same_tf(3, 1, 2))) == shape{16, 17, 4});
    CHECK(b.view()[b.conv2d(depthwise, 0, 4, window::same_tf(1))].win.is_pointwise());
    CHECK(b.first_fault().kind == fault::none);
    std::array<shape, 8> shapes{};
    for (int height = 1; height < 20; ++height) {
        CHECK(infer_shapes(b.view(), height, 7, shapes).kind == fault::none);
        CHECK(shapes[1] == shape{(height + 1) / 2, 4, 16});
        CHECK(shapes[2] == shape{(height + 3) / 4, 2, 16});
        CHECK(shapes[3] == shape{(height + 7) / 8, 1, 16});
    }
    window broken = window::same_tf(3);
    broken.stride_width = 0;
    check_fault(fault_of([&](auto& other) { other.conv2d(other.input({4, 4, 3}), 0, 4, broken); }),
                fault::empty_map, 1, 4, 3);
}

TEST_CASE("each fault of a node names it, what came and what was wanted") {
    check_fault(fault_of([](auto& b) { b.input({0, 8, 3}); }), fault::table_value, 0, 0, 1);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({8, 8, 3}), 0, 0, window{});
                }),
                fault::bad_channels, 1, 0, 1);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({8, 8, 6}), 0, 8, window{}, 4);
                }),
                fault::bad_groups, 1, 6, 4);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({8, 8, 6}), 0, 7, window{}, 3);
                }),
                fault::bad_groups, 1, 7, 3);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({8, 8, 6}), 0, 6, window{}, 0);
                }),
                fault::bad_groups, 1, 6, 0);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({4, 9, 3}), 0, 8, {7, 7, 1, 1, 1, 1, 1, 1, 1});
                }),
                fault::empty_map, 1, 4, 5);
    check_fault(fault_of([](auto& b) {
                    b.conv2d(b.input({9, 4, 3}), 0, 8, {3, 3, 1, 1, 0, 0, 0, 0, 3});
                }),
                fault::empty_map, 1, 4, 7);
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({4, 4, 3});
                    b.add(x, b.conv2d(x, 0, 4, window{}), 0);
                }),
                fault::shapes_differ, 2, 64, 48);
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({4, 4, 3});
                    b.scale(x, b.conv2d(b.global_average_pool(x, 0), 0, 4, window{}), 0);
                }),
                fault::gate_shape, 3, 4, 3);
    check_fault(fault_of([](auto& b) { b.linear(b.input({4, 2, 3}), 0, 5); }), fault::not_pooled, 1, 8, 1);
    check_fault(fault_of([](auto& b) { b.linear(b.input({1, 1, 3}), 0, 0); }), fault::bad_channels, 1, 0, 1);
    check_fault(fault_of([](auto& b) { b.add(b.input({4, 4, 3}), 5, 0); }), fault::no_such_input, 1, 5, 0);
    check_fault(fault_of([](auto& b) { b.activate(-2, 0, activation::relu); }), fault::no_such_input, 0, -2,
                -1);
    check_fault(fault_of([](auto& b) {
                    b.part(b.output("rows", layout::rows, 4), b.input({4, 4, 6}));
                }),
                fault::row_mismatch, 0, 6, 4);
}

TEST_CASE("faults of weighted sums and shared convolutions") {
    check_fault(fault_of([](auto& b) { b.weighted_sum({b.input({4, 4, 3})}, 0); }), fault::summands, 1, 1, 2);
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({4, 4, 3});
                    b.sum({x, x, x, x}, 0);
                }),
                fault::summands, 1, 4, 3);
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({4, 4, 3});
                    b.sum({x, x, b.global_average_pool(x, 0)}, 0);
                }),
                fault::shapes_differ, 2, 3, 48);
    check_fault(fault_of([](auto& b) { b.sum({b.input({4, 4, 3}), 7}, 0); }), fault::no_such_input, 1, 7, 0);
    check_fault(fault_of([](auto& b) { b.conv2d_shared(b.input({4, 4, 3}), 0); }), fault::shared_layer, 1, 0, 0);
    check_fault(fault_of([](auto& b) { b.conv2d_shared(b.input({4, 4, 3}), 9); }), fault::shared_layer, 1, 9, 0);
    check_fault(fault_of([](auto& b) {
                    const node_id c = b.conv2d(b.input({4, 4, 3}), 0, 8, window::same(3));
                    b.conv2d_shared(c, c);
                }),
                fault::shared_channels, 2, 8, 3);
}

TEST_CASE("faults of pools and resizes") {
    const auto pool_fault = [](window w) {
        return fault_of([&](auto& b) { b.max_pool(b.input({4, 9, 3}), 0, w); });
    };
    check_fault(pool_fault({3, 3, 1, 1, 2, 0, 0, 0, 1}), fault::pool_padding, 1, 2, 1);
    check_fault(pool_fault({3, 3, 1, 1, 0, 0, 0, 2, 1}), fault::pool_padding, 1, 2, 1);
    check_fault(pool_fault({3, 3, 1, 1, 0, -1, 0, 0, 1}), fault::pool_padding, 1, -1, 1);
    check_fault(pool_fault({3, 3, 1, 1, 3, 0, 0, 0, 2}), fault::pool_padding, 1, 3, 2);
    check_fault(pool_fault({7, 3, 1, 1, 1, 0, 1, 0, 1}), fault::empty_map, 1, 4, 5);
    check_fault(pool_fault({3, 11, 1, 1, 0, 0, 0, 0, 1}), fault::empty_map, 1, 9, 11);
    const auto factor_fault = [](double factor) {
        return fault_of([&](auto& b) { b.resize_by(b.input({4, 9, 3}), 0, factor); });
    };
    for (double factor : {0.1, 0.0, -2.0, 1e300, std::numeric_limits<double>::quiet_NaN()})
        check_fault(factor_fault(factor), fault::resize_size, 1, 0, 1);
    check_fault(factor_fault(10000), fault::resize_size, 1, 90000, 32768);
    check_fault(fault_of([](auto& b) {
                    b.resize_to(b.input({4, 9, 3}), 0, -1, 5);
                }),
                fault::resize_size, 1, -1, 1);
    check_fault(fault_of([](auto& b) {
                    b.resize_like(b.input({4, 9, 3}), 7, 0);
                }),
                fault::no_such_input, 1, 7, 0);
}

TEST_CASE("the first fault stays and later pushes are harmless") {
    builder<4> b;
    const node_id x = b.input({8, 8, 3});
    b.conv2d(x, 0, -1, window{});
    b.linear(x, 0, 5);
    CHECK(b.first_fault().kind == fault::bad_channels);
    for (int i = 0; i < 20; ++i)
        b.activate(x, 0, activation::relu);
    CHECK(b.node_count() == 4);
    CHECK(b.first_fault().kind == fault::bad_channels);
}

TEST_CASE("a builder without room says so") {
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({8, 8, 3});
                    for (int i = 0; i < 8; ++i)
                        b.activate(x, 0, activation::relu);
                }),
                fault::too_many_nodes, 8, 8, 0);
    check_fault(fault_of([](auto& b) {
                    for (int i = 0; i < 16; ++i)
                        b.child(0, i);
                }),
                fault::too_many_names, 0, 16, 0);
    check_fault(fault_of([](auto& b) {
                    for (int i = 0; i < 17; ++i)
                        b.output("o", layout::map);
                }),
                fault::too_many_outputs, 0, 16, 0);
    check_fault(fault_of([](auto& b) {
                    const node_id x = b.input({8, 8, 3});
                    const int o = b.output("o", layout::map);
                    for (int i = 0; i < 33; ++i)
                        b.part(o, x);
                }),
                fault::too_many_outputs, 1, 32, 0);
}

TEST_CASE("every fault is explained in words of its own") {
    for (int i = 0; i <= static_cast<int>(fault::no_output); ++i)
        for (int j = 0; j < i; ++j)
            CHECK(explain(static_cast<fault>(i)) != explain(static_cast<fault>(j)));
    CHECK(explain(fault::no_output) == "a graph without outputs");
}

TEST_CASE("shapes for another input size come from the same rule") {
    builder<8> b;
    const node_id conv = b.conv2d(b.input({32, 32, 3}), b.child(0, "stem"), 8, {5, 5, 1, 1, 0, 0, 0, 0, 1});
    b.linear(b.global_average_pool(conv, 0), 0, 4);
    std::vector<shape> shapes(4);
    CHECK(infer_shapes(b.view(), 9, 6, shapes).kind == fault::none);
    CHECK(shapes[1] == shape{5, 2, 8});
    CHECK(shapes[3] == shape{1, 1, 4});
    check_fault(infer_shapes(b.view(), 9, 4, shapes), fault::empty_map, 1, 4, 5);
}
