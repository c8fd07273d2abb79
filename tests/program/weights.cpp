// Matching a state dict to a graph: every fault in one message, heads of other sizes, folded checkpoints, bad
// numbers.
#include <fovea/program/runtime_program.hpp>
#include <fovea/tables/mobilenet_v3.hpp>

#include <catch2/catch.hpp>

#include <limits>

using namespace fovea;

namespace {

// A convolution with batch-norm, and heads of `classes` classes: 2 cells of class scores and a linear layer.
struct two_heads {
    int classes = 3;
};

template <class Builder>
void build_graph(Builder& b, const two_heads& t) {
    node_id x = b.conv2d(b.input({6, 6, 3}), b.child(0, "conv"), 8, window::same(3));
    x = b.activate(b.batch_norm(x, b.child(0, "bn"), 0.5F), 0, activation::relu);
    const int cells = b.output("cells", layout::rows, t.classes, true);
    b.part(cells, b.conv2d(x, b.child(0, "cell_head"), 2 * t.classes, window{}, 1, true));
    b.part(b.output("logits", layout::vector, 0, true),
           b.linear(b.global_average_pool(x, 0), b.child(0, "head"), t.classes));
}

std::vector<std::size_t> extents_of(const parameter& p) {
    std::vector<std::size_t> extents;
    for (int i = 0; i < p.dims.rank; ++i)
        extents.push_back(static_cast<std::size_t>(p.dims.extents[static_cast<std::size_t>(i)]));
    return extents;
}

std::vector<tensor> tensors_for(graph_view g) {
    std::vector<tensor> tensors;
    float next = 0.1F;
    for_each_parameter(g, [&](const parameter& p) {
        tensor t{key_of(g, p).str(), dtype::float32, extents_of(p), {}};
        for (std::int64_t i = 0; i < p.dims.size(); ++i) {
            next = next > 0.9F ? 0.1F : next + 0.013F;
            t.values.push_back(p.kind == parameter_kind::running_var ? 0.5F + next : next);
        }
        tensors.push_back(std::move(t));
    });
    return tensors;
}

state_dict dict_of(std::vector<tensor> tensors) {
    state_dict d;
    for (tensor& t : tensors)
        d.insert(std::move(t));
    return d;
}

tensor& find(std::vector<tensor>& tensors, const std::string& name) {
    for (tensor& t : tensors)
        if (t.name == name)
            return t;
    throw std::out_of_range(name);
}

std::vector<float> run(const runtime_program& program, const state_dict& weights, std::size_t output,
                       const load_options& options = {}) {
    network net(program.view(), weights, options);
    std::vector<float> image(net.input_shape().size());
    for (std::size_t i = 0; i < image.size(); ++i)
        image[i] = static_cast<float>(i % 7) - 3;
    net.forward(image.data());
    return {net.output(output).begin(), net.output(output).end()};
}

std::string error_of(const runtime_program& program, std::vector<tensor> tensors,
                     const load_options& options = {}) {
    try {
        network(program.view(), dict_of(std::move(tensors)), options);
    } catch (const weights_error& e) {
        return e.what();
    }
    return "no error";
}

} // namespace

TEST_CASE("every missing, unexpected and mis-shaped key is in one message") {
    const runtime_program program(two_heads{});
    auto tensors = tensors_for(program.graph());
    find(tensors, "bn.running_mean").name = "bn.mean";
    find(tensors, "head.bias").name = "head.offset";
    find(tensors, "conv.weight").shape = {8, 27};
    find(tensors, "head.weight") = {"head.weight", dtype::float32, {2, 4}, std::vector<float>(8)};
    CHECK(error_of(program, tensors) ==
          "the weights do not fit the model: 2 missing, 2 unexpected, 2 mis-shaped"
          "\n  missing: bn.running_mean [8]"
          "\n  missing: head.bias [3]"
          "\n  unexpected: bn.mean [8]"
          "\n  unexpected: head.offset [3]"
          "\n  mis-shaped: conv.weight: expected [8, 3, 3, 3], found [8, 27]"
          "\n  mis-shaped: head.weight: expected [3, 8], found [2, 4]");
}

TEST_CASE("an empty state dict misses everything but the batch counters") {
    const runtime_program program(two_heads{});
    CHECK(error_of(program, {}).find("9 missing, 0 unexpected, 0 mis-shaped") != std::string::npos);
}

TEST_CASE("unexpected keys are ignored on request, and only those") {
    const runtime_program program(two_heads{});
    auto tensors = tensors_for(program.graph());
    tensors.push_back({"aux.weight", dtype::float32, {2}, {1, 2}});
    CHECK(error_of(program, tensors) ==
          "the weights do not fit the model: 0 missing, 1 unexpected, 0 mis-shaped"
          "\n  unexpected: aux.weight [2]");
    load_options options;
    options.ignore_unexpected = true;
    CHECK(error_of(program, tensors, options) == "no error");
    find(tensors, "conv.weight").name = "conv.kernel";
    CHECK(error_of(program, tensors, options).find("1 missing, 0 unexpected") != std::string::npos);
}

TEST_CASE("beginnings of keys are renamed before they are matched, the first rule that fits") {
    const runtime_program program(two_heads{});
    const auto tensors = tensors_for(program.graph());
    auto renamed = tensors;
    for (tensor& t : renamed)
        t.name = t.name.rfind("conv.", 0) == 0 ? "stem" + t.name.substr(4) : "net." + t.name;
    load_options options;
    options.rename = {{"stem.", "conv."}, {"net.", ""}};
    CHECK(run(program, dict_of(renamed), 0, options) == run(program, dict_of(tensors), 0));
}

TEST_CASE("a batch counter may be a scalar or [1], and may be absent") {
    const runtime_program program(two_heads{});
    auto tensors = tensors_for(program.graph());
    find(tensors, "bn.num_batches_tracked").shape = {1};
    CHECK(error_of(program, tensors) == "no error");
    find(tensors, "bn.num_batches_tracked") = {"bn.num_batches_tracked", dtype::float32, {2}, {0, 0}};
    CHECK(error_of(program, tensors).find("bn.num_batches_tracked: expected [], found [2]") !=
          std::string::npos);
}

TEST_CASE("skipped heads give zeros, whatever the checkpoint has for them") {
    const runtime_program program(two_heads{}), other(two_heads{5});
    load_options options;
    options.skip_heads = true;
    for (auto tensors : {tensors_for(program.graph()), tensors_for(other.graph())}) {
        CHECK(run(program, dict_of(tensors), 0, options) == std::vector<float>(36 * 6, 0.0F));
        CHECK(run(program, dict_of(tensors), 1, options) == std::vector<float>(3, 0.0F));
    }
    auto headless = tensors_for(program.graph());
    headless.resize(headless.size() - 4);
    CHECK(error_of(program, headless, options) == "no error");
    CHECK(error_of(program, headless).find("4 missing") != std::string::npos);
    CHECK(error_of(program, tensors_for(other.graph())).find("4 mis-shaped") != std::string::npos);
}

TEST_CASE("a class subset computes what the whole head computes for these classes") {
    const runtime_program all(two_heads{5}), some(two_heads{3});
    const state_dict weights = dict_of(tensors_for(all.graph()));
    load_options options;
    options.classes = {0, 4, 2};
    const std::vector<float> cells = run(all, weights, 0), logits = run(all, weights, 1);
    const std::vector<float> some_cells = run(some, weights, 0, options),
                             some_logits = run(some, weights, 1, options);
    REQUIRE(some_cells.size() == 36 * 2 * 3);
    for (std::size_t i = 0; i < some_cells.size(); ++i)
        CHECK(some_cells[i] == cells[i / 3 * 5 + static_cast<std::size_t>(options.classes[i % 3])]);
    for (std::size_t i = 0; i < 3; ++i)
        CHECK(some_logits[i] == logits[static_cast<std::size_t>(options.classes[i])]);
}

TEST_CASE("class subsets that do not exist are mis-shaped") {
    const runtime_program all(two_heads{5}), some(two_heads{3});
    const auto tensors = tensors_for(all.graph());
    load_options options;
    for (const std::vector<int>& classes : {std::vector<int>{0, 1}, {0, 1, 5}, {0, -1, 2}, {0, 1, 2, 3}}) {
        options.classes = classes;
        CHECK(error_of(some, tensors, options).find("4 mis-shaped") != std::string::npos);
    }
}

TEST_CASE("batch-norm is folded as the formula says") {
    const runtime_program program(two_heads{});
    const auto tensors = tensors_for(program.graph());
    const state_dict weights = dict_of(tensors);
    const weight_map map(program.graph(), weights, load_options{});
    const folded_layer layer = map.fold(program.view().steps[0]);
    const auto value = [&](const char* name, std::size_t i) {
        return static_cast<double>(weights.at(name).values[i]);
    };
    for (std::size_t c = 0; c < 8; ++c) {
        const double scale = value("bn.weight", c) / std::sqrt(value("bn.running_var", c) + 0.5);
        CHECK(layer.bias[c] ==
              Approx(value("bn.bias", c) - value("bn.running_mean", c) * scale).epsilon(1e-6));
        for (std::size_t i = 0; i < 27; ++i)
            CHECK(layer.weight[c * 27 + i] == Approx(value("conv.weight", c * 27 + i) * scale).epsilon(1e-6));
    }
}

TEST_CASE("a checkpoint with batch-norm folded into its convolutions is taken as it is") {
    const runtime_program program(two_heads{});
    const auto tensors = tensors_for(program.graph());
    const state_dict whole = dict_of(tensors);
    const folded_layer layer =
        weight_map(program.graph(), whole, load_options{}).fold(program.view().steps[0]);
    std::vector<tensor> folded;
    for (const tensor& t : tensors)
        if (t.name.rfind("bn.", 0) != 0)
            folded.push_back(t);
    find(folded, "conv.weight").values = layer.weight;
    folded.push_back({"conv.bias", dtype::float32, {8}, layer.bias});
    folded.push_back({"conv.scale", dtype::float32, {}, {0.5F}}); // of the quantised activations behind it
    folded.push_back({"conv.zero_point", dtype::int64, {}, {3}});
    CHECK(run(program, dict_of(folded), 0) == run(program, whole, 0));
    find(folded, "conv.bias") = {"conv.bias", dtype::float32, {7}, std::vector<float>(7)};
    CHECK(error_of(program, folded).find("missing: bn.weight [8]") != std::string::npos);
}

TEST_CASE("numbers that are not finite are an error that names the module") {
    const runtime_program program(two_heads{});
    const auto broken = [&](const char* name, float value) {
        auto tensors = tensors_for(program.graph());
        find(tensors, name).values[1] = value;
        return error_of(program, tensors);
    };
    constexpr float nan = std::numeric_limits<float>::quiet_NaN(),
                    infinity = std::numeric_limits<float>::infinity();
    const std::string text = "the weights of 'conv' are not finite (NaN, infinity or a negative variance)";
    CHECK(broken("conv.weight", nan) == text);
    CHECK(broken("conv.weight", -infinity) == text);
    CHECK(broken("bn.bias", nan) == text);
    CHECK(broken("bn.running_var", -2) == text);
    CHECK(broken("head.weight", infinity).find("'head'") != std::string::npos);
}

namespace {

// A head on two levels: one convolution, a norm a level, a weighted sum of both maps; `heads` makes the shared
// convolution an output of both.
struct shared_head {
    weighting factors = weighting::fast;
    bool heads = false;
};

template <class Builder>
void build_graph(Builder& b, const shared_head& t) {
    const node_id x = b.input({6, 6, 8}), y = b.activate(x, 0, activation::relu);
    const node_id first = b.conv2d(x, b.child(0, "conv"), 8, window::same_tf(3), 1, true);
    const node_id second = b.conv2d_shared(y, first);
    if (t.heads) {
        const int rows = b.output("rows", layout::rows, 4, true);
        b.part(rows, first);
        b.part(rows, second);
        return;
    }
    const int norms = b.child(0, "bn");
    const node_id a = b.batch_norm(first, b.child(norms, 0), 0.5F), c = b.batch_norm(second, b.child(norms, 1), 0.5F);
    b.part(b.output("out", layout::map), b.weighted_sum({a, c}, b.child(0, "p3_w1"), t.factors));
}

} // namespace

TEST_CASE("shared weights and those of sums are loaded once, and missed once") {
    const runtime_program program(shared_head{});
    auto tensors = tensors_for(program.graph());
    CHECK(tensors.size() == 13);
    CHECK(error_of(program, tensors) == "no error");
    CHECK(error_of(program, {}).find("11 missing") != std::string::npos);
    find(tensors, "p3_w1").values = {1, std::numeric_limits<float>::infinity()};
    CHECK(error_of(program, tensors).find("the weights 'p3_w1' of a sum are not finite") != std::string::npos);
    find(tensors, "p3_w1") = {"p3_w1", dtype::float32, {3}, {1, 1, 1}};
    CHECK(error_of(program, tensors).find("mis-shaped: p3_w1: expected [2], found [3]") != std::string::npos);
}

TEST_CASE("a norm behind a convolution that has a bias of its own cannot be missing") {
    const runtime_program program(shared_head{});
    auto tensors = tensors_for(program.graph());
    std::vector<tensor> without;
    for (const tensor& t : tensors)
        if (t.name.rfind("bn.0", 0) != 0)
            without.push_back(t);
    CHECK(error_of(program, without).find("4 missing, 0 unexpected") != std::string::npos);
}

TEST_CASE("weights of a sum that does not use them are listed and not looked at") {
    const runtime_program program(shared_head{weighting::none});
    auto tensors = tensors_for(program.graph());
    const std::vector<float> before = run(program, dict_of(tensors), 0);
    find(tensors, "p3_w1").values = {7, -3};
    CHECK(run(program, dict_of(tensors), 0) == before);
    find(tensors, "p3_w1").name = "p3_w2";
    CHECK(error_of(program, tensors).find("1 missing, 1 unexpected") != std::string::npos);
}

TEST_CASE("a class subset of a shared head holds at each of its uses") {
    const runtime_program all(shared_head{weighting::fast, true});
    auto tensors = tensors_for(all.graph());
    const std::vector<float> expected = run(all, dict_of(tensors), 0);
    // The checkpoint has its classes in another order.
    tensor &weight = find(tensors, "conv.weight"), &bias = find(tensors, "conv.bias");
    const tensor old_weight = weight, old_bias = bias;
    const std::size_t row = weight.values.size() / 8;
    constexpr std::size_t place_of[] = {2, 0, 3, 1};
    for (std::size_t cell = 0; cell < 2; ++cell)
        for (std::size_t c = 0; c < 4; ++c) {
            const std::size_t to = 4 * cell + place_of[c], from = 4 * cell + c;
            std::copy_n(old_weight.values.begin() + static_cast<std::ptrdiff_t>(from * row), row,
                        weight.values.begin() + static_cast<std::ptrdiff_t>(to * row));
            bias.values[to] = old_bias.values[from];
        }
    load_options options;
    options.classes = {2, 0, 3, 1};
    CHECK(run(all, dict_of(tensors), 0, options) == expected);
}
