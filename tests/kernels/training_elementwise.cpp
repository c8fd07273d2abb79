// Activations, additions, gates, dropout and stochastic depth in training.
#include "training_map_case.hpp"

#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/elementwise.hpp>
#include <fovea/kernels/training/dropout.hpp>
#include <fovea/kernels/training/elementwise.hpp>

#include "support/golden.hpp"

using namespace fovea;
using namespace fovea::test;

namespace {

constexpr double kinks[] = {-3, 0, 3, 6};

map_problem map_problem_of(op kind, int images, shape in, activation act = activation::identity) {
    map_problem p;
    p.layer.kind = kind;
    p.layer.act = act;
    p.images = images;
    p.in = p.out = in;
    p.input = random_batch(static_cast<std::size_t>(images) * in.size(), 5);
    p.output_gradient = random_batch(p.input.size());
    return p;
}

map_problem elementwise_problem(int images, shape in, activation act, bool has_second) {
    map_problem p = map_problem_of(has_second ? op::add : op::activate, images, in, act);
    p.kernel = training_pair<training_elementwise_kernel>();
    if (has_second) {
        p.second = in;
        p.second_numbers = random_batch(p.input.size(), 3);
    }
    return p;
}

void check_sum_and_activation(map_problem p, int at_once) {
    batch_numbers u = p.input, y(u.size()), g(u.size());
    for (std::size_t i = 0; i < p.second_numbers.size(); ++i)
        u[i] += p.second_numbers[i];
    for (std::size_t i = 0; i < u.size(); ++i)
        for (double kink : kinks)
            if (std::abs(u[i] - kink) < 1e-5)
                p.output_gradient[i] = 0;
    reference::activate<double>(p.layer.act, u, y);
    reference::activate_backward<double>(p.layer.act, u, p.output_gradient, g);
    const auto added_to = [&](const batch_numbers& before) {
        batch_numbers sum = g;
        for (std::size_t i = 0; i < before.size(); ++i)
            sum[i] += before[i];
        return sum;
    };
    sequential_executor ex;
    const map_results r = run_pair(p, ex, at_once);
    check_close("output", r.output, y, 1e-6);
    check_close("input gradient", r.input_gradient, added_to(p.input_before), 1e-6);
    if (p.second.channels > 0)
        check_close("second gradient", r.second_gradient, added_to(p.second_before), 1e-6);
}

map_problem gate_problem(int images, shape in) {
    map_problem p = map_problem_of(op::scale, images, in);
    p.kernel = training_pair<training_scale_kernel>();
    p.second = {1, 1, in.channels};
    p.second_numbers = random_batch(static_cast<std::size_t>(images * in.channels));
    return p;
}

void check_gate(const map_problem& p, int at_once) {
    batch_numbers y(p.input.size()), gx(y.size()), gg(p.second_numbers.size());
    if (!p.input_before.empty())
        gx = p.input_before;
    if (!p.second_before.empty())
        gg = p.second_before;
    const auto channels = static_cast<std::size_t>(p.in.channels);
    for (std::size_t n = 0; n < static_cast<std::size_t>(p.images); ++n) {
        const auto map = [&](auto& numbers) {
            return reference::make_map(numbers.data() + n * p.in.size(), p.in);
        };
        const span<const double> gate{p.second_numbers.data() + n * channels, channels};
        reference::scale<double>(map(p.input), gate, map(y));
        reference::scale_backward<double>(map(p.input), gate, map(p.output_gradient), map(gx),
                                          {gg.data() + n * channels, channels});
    }
    sequential_executor ex;
    const map_results r = run_pair(p, ex, at_once);
    check_close("output", r.output, y, 1e-6);
    check_close("input gradient", r.input_gradient, gx, 1e-6);
    check_close("gate gradient", r.second_gradient, gg, 1e-6);
}

map_problem drop_problem(op kind, int images, shape in, float probability) {
    map_problem p = map_problem_of(kind, images, in);
    p.kernel = training_pair<training_dropout_kernel>();
    p.layer.dropout = probability;
    p.random = 7;
    for (double& x : p.input)
        x = x == 0 ? 1 : x; // a zero in the output is then a dropped number
    return p;
}

// What is kept: output = input * factor, input gradient = output gradient * factor, both for the same
// numbers.
double kept_share(const map_problem& p, const map_results& r) {
    const double factor = 1 / (1 - static_cast<double>(p.layer.dropout));
    double kept = 0;
    for (std::size_t i = 0; i < p.input.size(); ++i) {
        const bool is_kept = r.output[i] != 0;
        kept += is_kept;
        const double before = p.input_before.empty() ? 0 : p.input_before[i];
        REQUIRE(r.output[i] == Approx(is_kept ? p.input[i] * factor : 0.0).epsilon(1e-6));
        REQUIRE(r.input_gradient[i] ==
                Approx(before + (is_kept ? p.output_gradient[i] * factor : 0.0)).epsilon(1e-6).margin(1e-6));
    }
    return kept / static_cast<double>(p.input.size());
}

} // namespace

TEST_CASE("activations and additions agree with the reference for any number of channels") {
    for (int channels = 1; channels <= 40; ++channels)
        for (bool second : {false, true})
            check_sum_and_activation(elementwise_problem(3, {3, 5, channels}, activation::hardswish, second),
                                     2);
}

TEST_CASE("every activation is differentiated, gradients are added or in place") {
    for (int act = 0; act <= static_cast<int>(activation::softplus); ++act)
        for (bool second : {false, true})
            for (bool adds : {false, true}) {
                INFO(name_of(static_cast<activation>(act)) << " second " << second << " adds " << adds);
                map_problem p = elementwise_problem(2, {7, 5, 11}, static_cast<activation>(act), second);
                p.in_place = !adds;
                if (adds) {
                    p.input_before = random_batch(p.input.size());
                    p.second_before = second ? random_batch(p.input.size()) : batch_numbers();
                }
                check_sum_and_activation(p, 1);
            }
}

TEST_CASE("activations in training agree with torch at the kinks, too") {
    std::vector<golden_case> cases{own_golden("kernels", "activations")};
    if (auto shared = shared_golden("components", "activations"))
        cases.push_back(*shared);
    sequential_executor ex;
    for (const golden_case& golden : cases)
        for (int id = static_cast<int>(activation::relu); id <= static_cast<int>(activation::softplus);
             ++id) {
            const auto act = static_cast<activation>(id);
            const std::string name(name_of(act));
            INFO(name);
            batch_numbers x = golden.input("x").values;
            if (&golden == cases.data()) { // as tests/data/make_kernels.py makes them
                for (double& v : x)
                    v *= 3;
                for (double v : {-6.0, -3.0, -0.0, 0.0, 3.0, 6.0, 30.0, -30.0})
                    x.push_back(v);
            }
            map_problem p = elementwise_problem(1, {1, static_cast<int>(x.size()), 1}, act, false);
            p.input = x;
            p.output_gradient.assign(x.size(), 1.0);
            const map_results r = run_pair(p, ex, 1);
            CHECK(compare(golden.output(name), array{{x.size()}, r.output}));
            CHECK(compare(golden.output("grad_" + name), array{{x.size()}, r.input_gradient}));
        }
}

TEST_CASE("gates and their gradients agree with the reference") {
    for (int channels = 1; channels <= 40; ++channels)
        check_gate(gate_problem(3, {3, 5, channels}), 2);
    for (const shape& s : {shape{1, 1, 8}, {40, 37, 20}, {20, 20, 136}}) {
        map_problem p = gate_problem(4, s);
        check_gate(p, 3);
        p.input_before = random_batch(p.input.size());
        p.second_before = random_batch(p.second_numbers.size());
        check_gate(p, 4);
        p.input_before.clear();
        p.in_place = true;
        check_gate(p, 1);
    }
}

TEST_CASE("dropout keeps the stated share, enlarged, and the same numbers backward") {
    sequential_executor ex;
    for (op kind : {op::dropout, op::stochastic_depth})
        for (float probability : {0.0F, 0.2F, 0.75F}) {
            const bool whole_images = kind == op::stochastic_depth;
            map_problem p = drop_problem(kind, whole_images ? 2000 : 5,
                                         whole_images ? shape{1, 1, 3} : shape{9, 7, 21}, probability);
            const double expected = 1 - static_cast<double>(probability);
            CHECK(kept_share(p, run_pair(p, ex, 3)) == Approx(expected).margin(0.03));
            p.in_place = true;
            kept_share(p, run_pair(p, ex, 3));
            p.in_place = false;
            p.input_before = random_batch(p.input.size());
            kept_share(p, run_pair(p, ex, 3));
        }
}

TEST_CASE("dropout draws anew for every key, image and number; stochastic depth for every image") {
    sequential_executor ex;
    map_problem p = drop_problem(op::dropout, 2, {4, 4, 24}, 0.5F);
    for (double& x : p.input)
        x = 1;
    const map_results first = run_pair(p, ex, 2);
    CHECK(run_pair(p, ex, 2) == first);
    const auto half = static_cast<std::ptrdiff_t>(first.output.size() / 2);
    CHECK_FALSE(std::equal(first.output.begin(), first.output.begin() + half, first.output.begin() + half));
    p.random = 8;
    CHECK(run_pair(p, ex, 2).output != first.output);

    p = drop_problem(op::stochastic_depth, 20, {3, 3, 5}, 0.5F);
    const map_results depth = run_pair(p, ex, 4);
    for (std::size_t i = 0; i < depth.output.size(); ++i)
        CHECK((depth.output[i] == 0) == (depth.output[i / 45 * 45] == 0));
}

TEST_CASE("dropout with probability 1 leaves zeros") {
    sequential_executor ex;
    for (op kind : {op::dropout, op::stochastic_depth}) {
        const map_problem p = drop_problem(kind, 2, {2, 3, 5}, 1);
        const map_results r = run_pair(p, ex, 2);
        CHECK(r.output == batch_numbers(p.input.size()));
        CHECK(r.input_gradient == batch_numbers(p.input.size()));
    }
}

TEST_CASE("elementwise training steps are the same bits in any order") {
    const shape in{41, 39, 20};
    check_order_does_not_matter(elementwise_problem(3, in, activation::silu, true));
    check_order_does_not_matter(gate_problem(3, in));
    check_order_does_not_matter(drop_problem(op::dropout, 3, in, 0.3F));
    check_order_does_not_matter(drop_problem(op::stochastic_depth, 3, in, 0.3F));
}
