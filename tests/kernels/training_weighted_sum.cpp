// Weighted sums in training against the scalar reference, whose gradients are finite differences.
#include "training_map_case.hpp"

#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/weighted_sum.hpp>
#include <fovea/kernels/training/weighted_sum.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

map_problem sum_problem(int images, shape in, const std::vector<float>& weight, weighting factors,
                        activation act = activation::identity) {
    map_problem p;
    p.kernel = training_pair<training_weighted_sum_kernel>();
    p.layer.kind = op::weighted_sum;
    p.layer.act = act;
    p.layer.factors = factors;
    p.images = images;
    p.in = p.second = p.out = in;
    const std::size_t size = static_cast<std::size_t>(images) * in.size();
    p.input = random_batch(size, 4);
    p.second_numbers = random_batch(size, 4);
    p.third_numbers = weight.size() == 3 ? random_batch(size, 4) : batch_numbers();
    p.output_gradient = random_batch(size);
    p.weight = weight;
    return p;
}

batch_numbers sum_of(const batch_numbers& a, const batch_numbers& b) {
    batch_numbers sum = a;
    for (std::size_t i = 0; i < b.size(); ++i)
        sum[i] += b[i];
    return sum;
}

void check_sum(map_problem p, int at_once) {
    std::vector<span<const double>> maps{p.input, p.second_numbers};
    if (!p.third_numbers.empty())
        maps.emplace_back(p.third_numbers);
    const batch_numbers weight(p.weight.begin(), p.weight.end());
    batch_numbers u(p.input.size()), y(u.size()), g(u.size());
    reference::weighted_sum<double>(maps, p.layer.factors, weight, u);
    for (std::size_t i = 0; i < u.size(); ++i)
        for (double kink : {-3.0, 0.0, 3.0, 6.0})
            if (std::abs(u[i] - kink) < 1e-5)
                p.output_gradient[i] = 0;
    reference::activate<double>(p.layer.act, u, y);
    reference::activate_backward<double>(p.layer.act, u, p.output_gradient, g);
    std::vector<batch_numbers> gradients(maps.size(), batch_numbers(u.size()));
    batch_numbers weight_gradient(p.weight.size(), 0.5); // is added to
    reference::weighted_sum_backward<double>(maps, p.layer.factors, weight, g,
                                             {gradients.begin(), gradients.end()}, weight_gradient);
    sequential_executor ex;
    const map_results r = run_pair(p, ex, at_once);
    check_close("output", r.output, y, 1e-6);
    check_close("first gradient", r.input_gradient, sum_of(gradients[0], p.input_before), 1e-6);
    check_close("second gradient", r.second_gradient, sum_of(gradients[1], p.second_before), 1e-6);
    if (maps.size() == 3)
        check_close("third gradient", r.third_gradient, sum_of(gradients[2], p.third_before), 1e-6);
    check_close("weight gradient", r.weight_gradient, weight_gradient, 1e-5);
}

const std::vector<float> sum_weights[] = {{0.9F, 0.2F}, {0.3F, -0.4F, 1.1F}, {0.5F, 0.25F, 2}};

} // namespace

TEST_CASE("weighted sums in training agree with the reference for any number of channels") {
    for (int channels = 1; channels <= 40; ++channels)
        for (const auto& weight : sum_weights)
            for (weighting factors : {weighting::fast, weighting::softmax, weighting::none})
                check_sum(sum_problem(3, {3, 5, channels}, weight, factors, activation::silu), 2);
}

TEST_CASE("every activation behind a weighted sum is differentiated, gradients are added or written") {
    for (int act = 0; act <= static_cast<int>(activation::softplus); ++act)
        for (const auto& weight : sum_weights)
            for (bool adds : {false, true}) {
                INFO(name_of(static_cast<activation>(act)) << " adds " << adds);
                map_problem p =
                    sum_problem(2, {7, 5, 11}, weight, weighting::fast, static_cast<activation>(act));
                if (adds) {
                    p.input_before = random_batch(p.input.size());
                    p.second_before = random_batch(p.input.size());
                    p.third_before = weight.size() == 3 ? random_batch(p.input.size()) : batch_numbers();
                }
                check_sum(p, 1);
            }
}

TEST_CASE("weighted sums in training are the same bits in any order") {
    for (const auto& weight : sum_weights)
        check_order_does_not_matter(sum_problem(3, {41, 39, 20}, weight, weighting::fast, activation::silu));
}
