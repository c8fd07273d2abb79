// Norms in training against the scalar reference in double; against torch: training_norm_goldens.cpp.
#include "training_map_case.hpp"

#include <fovea/kernels/reference/activation.hpp>
#include <fovea/kernels/reference/norm.hpp>
#include <fovea/kernels/training/norm.hpp>

using namespace fovea;
using namespace fovea::test;

namespace {

struct norm_case {
    int images = 1;
    shape size{};
    activation act = activation::identity;
    bool second = false;
    int groups = 0; // of group-norm; 0: batch-norm
    bool frozen = false;
    bool adds = false, in_place = false;
    double mean = 0; // of the input, in units of its spread
};

std::string text_of(const norm_case& c) {
    return std::to_string(c.images) + " of " + reference::text_of(c.size) + ", " +
           std::string(name_of(c.act)) + (c.second ? ", second" : "") +
           (c.groups > 0 ? ", groups " + std::to_string(c.groups) : "") + (c.frozen ? ", frozen" : "") +
           (c.adds ? ", adds" : "") + (c.in_place ? ", in place" : "");
}

map_problem problem_of(const norm_case& c) {
    map_problem p;
    p.kernel = training_pair<training_norm_kernel>();
    p.layer.kind = c.groups > 0 ? op::group_norm : op::batch_norm;
    p.layer.groups = std::max(1, c.groups);
    p.layer.act = c.act;
    p.layer.epsilon = 1e-3F;
    p.images = c.images;
    p.in = p.out = c.size;
    const std::size_t numbers = static_cast<std::size_t>(c.images) * c.size.size();
    const auto channels = static_cast<std::size_t>(c.size.channels);
    p.input = random_batch(numbers, 2);
    for (double& x : p.input)
        x += c.mean;
    p.output_gradient = random_batch(numbers);
    if (c.second) {
        p.second = c.size;
        p.second_numbers = random_batch(numbers, 4);
    }
    p.weight = to_float(random_batch(channels, 3));
    p.bias = to_float(random_batch(channels, 2));
    if (c.groups == 0) {
        p.running_mean = to_float(random_batch(channels));
        p.running_var = to_float(random_batch(channels));
        for (float& x : p.running_var)
            x += 1.5F;
    }
    p.uses_running = c.frozen;
    p.in_place = c.in_place;
    if (c.adds) {
        p.input_before = random_batch(numbers);
        p.second_before = c.second ? random_batch(numbers) : batch_numbers();
    }
    return p;
}

batch_numbers doubles(const std::vector<float>& v) {
    return batch_numbers(v.begin(), v.end());
}

reference::pixel_rows<double> rows_of(batch_numbers& v, std::size_t channels, std::size_t image = 0,
                                      std::size_t images = 1) {
    const std::size_t floats = v.size() / images;
    return {v.data() + image * floats, {floats / channels, channels}};
}

// Where the activation bends, float and double may take different sides.
bool is_near_kink(double u) {
    for (double kink : {-3.0, 0.0, 3.0, 6.0})
        if (std::abs(u - kink) < 1e-4)
            return true;
    return false;
}

struct expected_norm {
    batch_numbers output, input_gradient, second_gradient, weight_gradient, bias_gradient, running_mean,
        running_var;
};

// By the reference in double. Output gradients at kinks are taken out of the problem.
expected_norm expect(map_problem& p) {
    const auto channels = static_cast<std::size_t>(p.in.channels),
               images = static_cast<std::size_t>(p.images);
    const double epsilon = static_cast<double>(p.layer.epsilon);
    const batch_numbers weight = doubles(p.weight), bias = doubles(p.bias);
    batch_numbers input = p.input, u(input.size()), mean = doubles(p.running_mean),
                  var = doubles(p.running_var);
    const bool grouped = p.layer.kind == op::group_norm;
    const std::size_t parts = grouped ? images : 1; // normalised one by one
    expected_norm e;
    e.running_mean = mean;
    e.running_var = var;
    for (std::size_t n = 0; n < parts; ++n) {
        const auto x = rows_of(input, channels, n, parts), y = rows_of(u, channels, n, parts);
        if (grouped)
            reference::group_norm<double>(x, p.layer.groups, weight, bias, epsilon, y);
        else if (!p.uses_running)
            reference::batch_norm_training<double>(x, weight, bias, epsilon, y);
        else
            for (std::size_t i = 0; i < u.size(); ++i) {
                const std::size_t c = i % channels;
                u[i] = (input[i] - mean[c]) / std::sqrt(var[c] + epsilon) * weight[c] + bias[c];
            }
    }
    for (std::size_t c = 0; !grouped && !p.uses_running && c < channels; ++c) {
        const auto s = reference::statistics_of<double>(rows_of(input, channels), c, c + 1);
        const double momentum = static_cast<double>(p.momentum);
        e.running_mean[c] = reference::next_running(mean[c], s.mean, momentum, p.batches);
        e.running_var[c] = reference::next_running(var[c], s.unbiased_variance(), momentum, p.batches);
    }
    for (std::size_t i = 0; i < p.second_numbers.size(); ++i)
        u[i] += p.second_numbers[i];
    for (std::size_t i = 0; i < u.size(); ++i)
        if (is_near_kink(u[i]))
            p.output_gradient[i] = 0;
    e.output.resize(u.size());
    reference::activate<double>(p.layer.act, u, e.output);
    batch_numbers g(u.size());
    reference::activate_backward<double>(p.layer.act, u, p.output_gradient, g);
    e.second_gradient = p.second_before.empty() ? batch_numbers(p.second_numbers.size()) : p.second_before;
    for (std::size_t i = 0; i < p.second_numbers.size(); ++i)
        e.second_gradient[i] += g[i];
    e.input_gradient = p.input_before.empty() ? batch_numbers(u.size()) : p.input_before;
    e.weight_gradient.assign(channels, 0.5);
    e.bias_gradient.assign(channels, 0.5);
    for (std::size_t n = 0; n < parts; ++n) {
        const auto x = rows_of(input, channels, n, parts), up = rows_of(g, channels, n, parts);
        const reference::norm_gradients<double> gradients{rows_of(e.input_gradient, channels, n, parts),
                                                          e.weight_gradient, e.bias_gradient};
        if (grouped)
            reference::group_norm_backward<double>(x, p.layer.groups, weight, epsilon, up, gradients);
        else if (p.uses_running)
            reference::batch_norm_backward<double>(x, mean, var, weight, epsilon, up, gradients);
        else
            reference::batch_norm_training_backward<double>(x, weight, epsilon, up, gradients);
    }
    return e;
}

void check_norm(const norm_case& c, executor& ex, int at_once, double relative = 5e-6) {
    INFO(text_of(c));
    map_problem p = problem_of(c);
    const expected_norm e = expect(p);
    const map_results r = run_pair(p, ex, at_once);
    check_close("output", r.output, e.output, relative);
    check_close("input gradient", r.input_gradient, e.input_gradient, relative);
    check_close("second gradient", r.second_gradient, e.second_gradient, relative);
    check_close("weight gradient", r.weight_gradient, e.weight_gradient, relative);
    check_close("bias gradient", r.bias_gradient, e.bias_gradient, relative);
    check_close("running mean", r.running_mean, e.running_mean, relative);
    check_close("running variance", r.running_var, e.running_var, relative);
}

} // namespace

TEST_CASE("batch-norm agrees with the reference for any number of channels, size and batch") {
    sequential_executor ex;
    for (int channels = 1; channels <= 40; ++channels)
        for (bool second : {false, true}) {
            check_norm({3, {3, 5, channels}, activation::hardswish, second}, ex, 2);
            check_norm({2, {4, 4, channels}, activation::relu, second, 0, true}, ex, 1);
        }
    for (int images = 1; images <= 5; ++images)
        for (const shape& s : {shape{1, 1, 9}, {1, 2, 16}, {3, 3, 24}, {13, 17, 20}, {7, 1, 130}}) {
            if (images * s.height * s.width == 1)
                continue;
            check_norm({images, s, activation::relu6}, ex, 1, images * s.height * s.width < 3 ? 1e-3 : 5e-6);
            check_norm({images, s, activation::identity, true, 0, true}, ex, images);
        }
}

TEST_CASE("norms know every activation, gradients that are added, and gradients in place") {
    sequential_executor ex;
    for (int act = 0; act <= static_cast<int>(activation::softplus); ++act)
        for (int variant = 0; variant < 16; ++variant) {
            norm_case c{2, {5, 6, 12}, static_cast<activation>(act)};
            c.second = (variant & 1) != 0;
            c.groups = (variant & 2) != 0 ? 3 : 0;
            c.adds = (variant & 4) != 0;
            c.frozen = (variant & 8) != 0 && c.groups == 0;
            check_norm(c, ex, 2);
            c.adds = false;
            c.in_place = true;
            check_norm(c, ex, 1);
        }
}

TEST_CASE("group-norm agrees with the reference for every number of groups") {
    sequential_executor ex;
    for (int channels : {1, 6, 8, 12, 24, 30})
        for (int groups = 1; groups <= channels; ++groups)
            if (channels % groups == 0) {
                check_norm({3, {4, 3, channels}, activation::relu, groups % 2 == 0, groups}, ex, 2);
                check_norm({1, {11, 9, channels}, activation::identity, false, groups}, ex, 1);
            }
}

TEST_CASE("large maps are shared, and the numbers are the same bits for every order") {
    for (int groups : {0, 8})
        for (const shape& s : {shape{40, 43, 24}, {9, 10, 136}}) {
            norm_case c{3, s, activation::hardswish, true, groups};
            c.adds = true;
            map_problem p = problem_of(c);
            INFO(text_of(c));
            check_order_does_not_matter(p);
            disorderly_executor counting(3, disorderly_executor::order::reverse);
            check_norm(c, counting, 3);
            CHECK(counting.tasks() > 4);
        }
}

TEST_CASE("statistics stay precise far away from zero") {
    sequential_executor ex;
    for (double mean : {-100.0, 1000.0}) {
        norm_case c{2, {30, 31, 9}};
        c.mean = mean;
        check_norm(c, ex, 1, 1e-3); // the input's own rounding is 6e-5 of its spread
        map_problem p = problem_of(c);
        p.running_mean.assign(9, 0.0F);
        p.running_var.assign(9, 0.0F);
        p.momentum = 1;
        const expected_norm e = expect(p);
        const map_results r = run_pair(p, ex, 1);
        check_close("variance", r.running_var, e.running_var, 1e-6);
    }
}

TEST_CASE("a pixel far from all others does not spoil its chunk's variance") {
    sequential_executor ex;
    map_problem p = problem_of({1, {8, 8, 3}});
    for (std::size_t i = 0; i < p.input.size(); ++i)
        p.input[i] = i < 3 ? 4096 : p.input[i];
    const expected_norm e = expect(p);
    check_close("running variance", run_pair(p, ex, 1).running_var, e.running_var, 1e-5);
}

TEST_CASE("running statistics follow by momentum or as a cumulative average") {
    sequential_executor ex;
    map_problem p = problem_of({2, {3, 3, 5}});
    for (double batches : {0.0, 1.0, 7.0}) {
        p.momentum = -1;
        p.batches = batches;
        const expected_norm e = expect(p);
        const map_results r = run_pair(p, ex, 2);
        check_close("running mean", r.running_mean, e.running_mean, 1e-6);
        check_close("running variance", r.running_var, e.running_var, 1e-6);
    }
    p.uses_running = true;
    CHECK(run_pair(p, ex, 2).running_mean == p.running_mean);
    CHECK(run_pair(p, ex, 2).running_var == p.running_var);
}

TEST_CASE("a norm without parameters, or whose parameters are frozen, has the same input gradient") {
    sequential_executor ex;
    for (bool frozen : {false, true})
        for (int groups : {0, 2}) {
            map_problem p = problem_of({2, {3, 4, 6}, activation::relu, false, groups, frozen});
            p.weight.assign(6, 1.0F);
            p.bias.assign(6, 0.0F);
            const map_results with = run_pair(p, ex, 1);
            p.weight.clear();
            p.bias.clear();
            const map_results without = run_pair(p, ex, 1);
            CHECK(without.output == with.output);
            CHECK(without.input_gradient == with.input_gradient);
        }
}
