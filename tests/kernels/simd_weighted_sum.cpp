// Weighted sums against the scalar reference, for any number of channels, weights and activations.
#include "map_case.hpp"

#include <fovea/kernels/reference/weighted_sum.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

struct sum_case {
    shape size;
    std::vector<float> weight;
    weighting factors = weighting::fast;
    activation act = activation::identity;
};

layer layer_of(const sum_case& c) {
    layer l;
    l.act = c.act;
    l.factors = c.factors;
    l.summands = static_cast<int>(c.weight.size());
    l.in = l.out = padded_map(c.size);
    return l;
}

// The output, dense.
std::vector<float> run_sum(const sum_case& c, const std::vector<std::vector<float>>& inputs, executor& ex) {
    const layer l = layer_of(c);
    std::vector<std::vector<float>> padded;
    for (const auto& map : inputs)
        padded.push_back(with_stride(map, c.size.channels, l.in.stride));
    std::vector<float> factors(weighted_sum_kernel::packed_floats(l));
    weighted_sum_kernel::pack(l, {c.weight, {}}, factors.data());
    std::vector<float> output(padded[0].size() + 1, -12345.0F);
    operands o;
    o.input = padded[0].data();
    o.residual = padded[1].data();
    o.third = padded.size() == 3 ? padded[2].data() : nullptr;
    o.weights = factors.data();
    o.output = output.data();
    weighted_sum_kernel::run(l, o, ex);
    CHECK(output.back() == -12345.0F);
    std::vector<float> dense;
    for (std::size_t i = 0; i + 1 < output.size(); ++i)
        if (i % static_cast<std::size_t>(l.out.stride) < static_cast<std::size_t>(c.size.channels))
            dense.push_back(output[i]);
    return dense;
}

void check(const sum_case& c, executor& ex) {
    INFO(reference::text_of(c.size) << ", " << c.weight.size() << " maps, weighting "
                                    << static_cast<int>(c.factors) << ", " << name_of(c.act));
    std::vector<std::vector<float>> inputs;
    std::vector<std::vector<double>> exact;
    std::vector<span<const double>> views;
    for (std::size_t i = 0; i < c.weight.size(); ++i) {
        inputs.push_back(random_numbers(c.size.size(), 4));
        exact.emplace_back(inputs.back().begin(), inputs.back().end());
    }
    for (const auto& map : exact)
        views.push_back(map);
    const std::vector<double> weight(c.weight.begin(), c.weight.end());
    std::vector<double> expected(c.size.size());
    reference::weighted_sum<double>(views, c.factors, weight, expected);
    const std::vector<float> got = run_sum(c, inputs, ex);
    REQUIRE(got.size() == expected.size());
    for (std::size_t i = 0; i < got.size(); ++i)
        REQUIRE(static_cast<double>(got[i]) ==
                Approx(reference::activate(c.act, expected[i])).epsilon(1e-6).margin(2e-6));
}

const std::vector<float> weights[] = {{0.9F, 0.2F}, {0.3F, -0.4F, 1.1F}, {0.5F, 0.25F, 2}};
constexpr weighting weightings[] = {weighting::fast, weighting::softmax, weighting::none};

} // namespace

TEST_CASE("weighted sums agree with the reference for any number of channels") {
    sequential_executor sequential;
    thread_executor threads(3);
    for (int channels = 1; channels <= 50; ++channels)
        for (const auto& weight : weights)
            for (weighting factors : weightings) {
                check({{2, 3, channels}, weight, factors, activation::relu}, sequential);
                check({{7, 3, channels}, weight, factors, activation::silu}, threads);
            }
}

TEST_CASE("weighted sums know every activation") {
    sequential_executor sequential;
    for (const auto& weight : weights)
        for (activation act :
             {activation::identity, activation::relu, activation::relu6, activation::hardsigmoid,
              activation::hardswish, activation::sigmoid, activation::silu, activation::softplus})
            check({{5, 5, 21}, weight, weighting::fast, act}, sequential);
}

TEST_CASE("a weighted sum without a weight above 0 is 0, and large weights make no infinity") {
    sequential_executor sequential;
    const std::vector<std::vector<float>> inputs(2, {1, 2, 3});
    CHECK(run_sum({{1, 1, 3}, {-1, 0}, weighting::fast}, inputs, sequential) == std::vector<float>(3, 0.0F));
    CHECK(run_sum({{1, 1, 3}, {1000, 900}, weighting::softmax}, inputs, sequential) == inputs[0]);
}

TEST_CASE("weighted sums give the same bits for any number of workers") {
    sequential_executor sequential;
    thread_executor threads(3);
    const sum_case c{{70, 40, 88}, weights[1], weighting::fast, activation::silu};
    std::vector<std::vector<float>> inputs;
    for (int i = 0; i < 3; ++i)
        inputs.push_back(random_numbers(c.size.size(), 3));
    CHECK(run_sum(c, inputs, threads) == run_sum(c, inputs, sequential));
}
