// Flat arrays to a state dict and back: keys, order, types, and every fault in one message.
#include <fovea/graph/builder.hpp>
#include <fovea/io/state_dict.hpp>
#include <fovea/train/flat_weights.hpp>

#include <catch2/catch.hpp>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

namespace {

using namespace fovea;

// conv 2 -> 3 with batch-norm, linear 3 -> 2 with bias: 6 + 3 + 3 + 6 + 2 parameters, 3 + 3 + 1 in buffers.
std::unique_ptr<builder<64>> small_graph() {
    auto b = std::make_unique<builder<64>>();
    const node_id conv = b->conv2d(b->input({4, 4, 2}), b->child(0, "conv"), 3, window{});
    const node_id norm = b->batch_norm(conv, b->child(0, "bn"), 1e-5F);
    b->part(b->output("logits", layout::vector),
            b->linear(b->global_average_pool(norm, 0), b->child(0, "head"), 2));
    return b;
}

struct flat_arrays {
    std::vector<float> parameters = std::vector<float>(20), buffers = std::vector<float>(7);
    flat_arrays() {
        std::iota(parameters.begin(), parameters.end(), 1.0F);
        std::iota(buffers.begin(), buffers.end(), 101.0F);
    }
};

std::string refusal(graph_view g, const state_dict& weights, flat_arrays& arrays) {
    try {
        from_state_dict(g, weights, arrays.parameters, arrays.buffers);
    } catch (const weights_error& e) {
        return e.what();
    }
    return {};
}

} // namespace

TEST_CASE("flat arrays become the entries of a state dict in torch's order") {
    const auto b = small_graph();
    const flat_arrays arrays;
    CHECK(count_buffers(b->view()) == 7);
    const state_dict weights = to_state_dict(b->view(), arrays.parameters, arrays.buffers);
    std::vector<std::string> names;
    for (const tensor& t : weights)
        names.push_back(t.name);
    CHECK(names == std::vector<std::string>{"conv.weight", "bn.weight", "bn.bias", "bn.running_mean",
                                            "bn.running_var", "bn.num_batches_tracked", "head.weight",
                                            "head.bias"});
    CHECK(weights.at("conv.weight").shape == std::vector<std::size_t>{3, 2, 1, 1});
    CHECK(weights.at("conv.weight").values == std::vector<float>{1, 2, 3, 4, 5, 6});
    CHECK(weights.at("bn.bias").values == std::vector<float>{10, 11, 12});
    CHECK(weights.at("bn.running_var").values == std::vector<float>{104, 105, 106});
    CHECK(weights.at("bn.num_batches_tracked").values == std::vector<float>{107});
    CHECK(weights.at("bn.num_batches_tracked").type == dtype::int64);
    CHECK(weights.at("bn.num_batches_tracked").shape.empty());
    CHECK(weights.at("head.bias").values == std::vector<float>{19, 20});

    flat_arrays back;
    std::fill(back.parameters.begin(), back.parameters.end(), 0.0F);
    std::fill(back.buffers.begin(), back.buffers.end(), 0.0F);
    from_state_dict(b->view(), weights, back.parameters, back.buffers);
    CHECK(back.parameters == arrays.parameters);
    CHECK(back.buffers == arrays.buffers);
}

TEST_CASE("a state dict that does not fit changes nothing and is told in one message") {
    const auto b = small_graph();
    flat_arrays arrays;
    state_dict wrong;
    for (tensor t : to_state_dict(b->view(), arrays.parameters, arrays.buffers)) {
        std::fill(t.values.begin(), t.values.end(), -1.0F);
        if (t.name == "bn.bias" || t.name == "bn.num_batches_tracked")
            continue;
        if (t.name == "head.weight")
            t.shape = {3, 2};
        wrong.insert(t);
    }
    wrong.insert({"other", dtype::float32, {1}, {0}});
    const flat_arrays before;
    CHECK_THAT(refusal(b->view(), wrong, arrays),
               Catch::Contains("1 missing, 1 unexpected, 1 mis-shaped") && Catch::Contains("bn.bias [3]") &&
                   Catch::Contains("other [1]") &&
                   Catch::Contains("head.weight: expected [2, 3], found [3, 2]"));
    CHECK(arrays.parameters == before.parameters);
    CHECK(arrays.buffers == before.buffers);
}

TEST_CASE("a missing counter keeps its number") {
    const auto b = small_graph();
    flat_arrays arrays;
    state_dict weights;
    for (const tensor& t : to_state_dict(b->view(), arrays.parameters, arrays.buffers))
        if (t.type != dtype::int64)
            weights.insert(t);
    arrays.buffers.back() = 5;
    CHECK(refusal(b->view(), weights, arrays).empty());
    CHECK(arrays.buffers.back() == 5);
}

TEST_CASE("a counter may have the shape [1], as some files have it") {
    const auto b = small_graph();
    flat_arrays arrays;
    state_dict weights;
    for (tensor& t : to_state_dict(b->view(), arrays.parameters, arrays.buffers).release()) {
        if (t.shape.empty()) {
            t.shape = {1};
            t.values = {42};
        }
        weights.insert(std::move(t));
    }
    from_state_dict(b->view(), weights, arrays.parameters, arrays.buffers);
    CHECK(arrays.buffers.back() == 42);
}

TEST_CASE("arrays of other sizes are refused with both sizes") {
    const auto b = small_graph();
    flat_arrays arrays;
    const state_dict weights = to_state_dict(b->view(), arrays.parameters, arrays.buffers);
    arrays.parameters.push_back(0);
    CHECK_THROWS_WITH(to_state_dict(b->view(), arrays.parameters, arrays.buffers),
                      "expected 20 parameters, found 21");
    CHECK_THROWS_AS(from_state_dict(b->view(), weights, arrays.parameters, arrays.buffers), input_error);
    CHECK_THROWS_WITH(to_state_dict(b->view(), span<float>(arrays.parameters.data(), 20), {}),
                      "expected 7 numbers of buffers, found 0");
}
