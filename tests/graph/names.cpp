// Module names, state-dict keys, parameter shapes and counts.
#include <fovea/graph/builder.hpp>
#include <fovea/graph/cost.hpp>
#include <fovea/graph/params.hpp>

#include <catch2/catch.hpp>

#include <vector>

using namespace fovea;

TEST_CASE("names are paths of labels and numbers") {
    builder<8> b;
    const int features = b.child(0, "features");
    const int block = b.child(b.child(features, 13), 0);
    const auto names = b.view().names;
    CHECK(full_name(names, 0).view().empty());
    CHECK(full_name(names, 0, "weight").view() == "weight");
    CHECK(full_name(names, features).view() == "features");
    CHECK(full_name(names, block).view() == "features.13.0");
    CHECK(full_name(names, block, "running_mean").str() == "features.13.0.running_mean");
    CHECK(full_name(names, b.child(block, 1234567890)).view() == "features.13.0.1234567890");
}

TEST_CASE("a name longer than its buffer is cut at its beginning") {
    builder<64> b;
    int part = 0;
    for (int i = 0; i < 40; ++i)
        part = b.child(part, "label");
    const fixed_name name = full_name(b.view().names, part);
    CHECK(name.view().size() == 120);
    CHECK(name.view().substr(120 - 12) == ".label.label");
}

TEST_CASE("parameters come in torch's order, with its shapes") {
    builder<8> b;
    const node_id image = b.input({8, 6, 4});
    const node_id conv = b.conv2d(image, b.child(0, "conv"), 10, {3, 5, 1, 1, 0, 0, 0, 0, 1}, 2, true);
    const node_id norm = b.batch_norm(conv, b.child(0, "bn"), 1e-5F);
    b.linear(b.global_average_pool(norm, 0), b.child(0, "fc"), 7);
    std::vector<std::string> keys;
    std::vector<std::vector<int>> shapes;
    for_each_parameter(b.view(), [&](const parameter& p) {
        keys.push_back(key_of(b.view(), p).str());
        shapes.emplace_back(p.dims.extents.begin(), p.dims.extents.begin() + p.dims.rank);
    });
    CHECK(keys == std::vector<std::string>{"conv.weight", "conv.bias", "bn.weight", "bn.bias",
                                           "bn.running_mean", "bn.running_var", "bn.num_batches_tracked",
                                           "fc.weight", "fc.bias"});
    CHECK(shapes ==
          std::vector<std::vector<int>>{{10, 2, 3, 5}, {10}, {10}, {10}, {10}, {10}, {}, {7, 10}, {7}});
    CHECK(count_parameters(b.view()) == 10 * 2 * 3 * 5 + 10 + 20 + 70 + 7);
    CHECK(count_state_entries(b.view()) == 9);
    CHECK(count_macs(b.view()) == 6 * 2 * 10 * (2 * 3 * 5) + 70);
}

TEST_CASE("a weighted sum's key is its name, and a plain sum has none") {
    builder<8> b;
    const node_id x = b.input({4, 4, 8});
    const int cell = b.child(b.child(0, "bifpn"), 0);
    b.weighted_sum({x, x}, b.child(cell, "p6_w1"));
    b.weighted_sum({x, x, x}, b.child(b.child(cell, "combine"), "edge_weights"), weighting::softmax);
    b.weighted_sum({x, x}, b.child(cell, "p7_w2"), weighting::none); // there, if unused
    b.sum({x, x, x}, b.child(cell, "p8"));
    std::vector<std::string> keys;
    std::vector<int> sizes;
    for_each_parameter(b.view(), [&](const parameter& p) {
        keys.push_back(key_of(b.view(), p).str());
        REQUIRE(p.dims.rank == 1);
        sizes.push_back(p.dims.extents[0]);
    });
    CHECK(keys == std::vector<std::string>{"bifpn.0.p6_w1", "bifpn.0.combine.edge_weights", "bifpn.0.p7_w2"});
    CHECK(sizes == std::vector<int>{2, 3, 2});
    CHECK(count_parameters(b.view()) == 7);
}

TEST_CASE("shared parameters are listed once, at their owner, and their products counted at each use") {
    builder<16> b;
    const node_id x = b.input({8, 8, 4}), y = b.max_pool(x, 0, {2, 2, 2, 2});
    const node_id conv = b.conv2d(x, b.child(0, "conv"), 6, window::same_tf(3), 2, true);
    const node_id other = b.conv2d_shared(y, conv), third = b.conv2d_shared(y, other);
    b.batch_norm(other, b.child(0, "bn"), 1e-3F);
    CHECK(b.first_fault().kind == fault::none);
    const graph_view g = b.view();
    CHECK(owner_of(g, conv) == conv);
    CHECK(owner_of(g, other) == conv);
    CHECK(owner_of(g, third) == conv);
    CHECK(g[other].out == shape{4, 4, 6});
    CHECK(g[other].groups == 2);
    CHECK(count_parameters(g) == 6 * 2 * 9 + 6 + 12);
    CHECK(count_state_entries(g) == 7);
    CHECK(count_macs(g) == (64 + 2 * 16) * 6 * 2 * 9);
    std::string keys;
    for_each_parameter(g, [&](const parameter& p) { keys += key_of(g, p).str() + " "; });
    CHECK(keys == "conv.weight conv.bias bn.weight bn.bias bn.running_mean bn.running_var bn.num_batches_tracked ");
}

TEST_CASE("operators and activations have names") {
    CHECK(name_of(op::input) == "input");
    CHECK(name_of(op::linear) == "linear");
    CHECK(name_of(op::weighted_sum) == "weighted_sum");
    CHECK(name_of(activation::identity) == "identity");
    CHECK(name_of(activation::softplus) == "softplus");
}
