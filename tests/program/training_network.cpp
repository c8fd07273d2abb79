// Whole backward passes against passes in double without shared memory, on random graphs of every operator;
// the same bits on any executor; freezing, recomputation, planning anew.
#include "program/training_case.hpp"
#include "support/executors.hpp"
#include "support/gradient_interpreter.hpp"
#include "support/random_graph.hpp"
#include "support/random_weights.hpp"

#include <set>

using namespace fovea;
using namespace fovea::test;

namespace {

// A network with random weights on a random batch, and what the interpreter makes of it.
class random_case {
public:
    random_case(unsigned seed, int batch, const training_plan_options& options, bool running)
        : program_(random_table{seed}, 0.1F), net_(program_.view(), options), generator_(seed + 99) {
        net_.parameters().load(without_counts(random_weights(program_.graph(), seed)));
        if (running)
            net_.parameters().freeze_statistics([](std::string_view) { return true; });
        net_.set_dropout(false);
        const graph_view g = program_.graph();
        images_ = random_numbers(generator_, static_cast<std::size_t>(batch) * g[0].out.size(), -2, 2);
        for (std::size_t o = 0; o < g.outputs.size(); ++o)
            upstream_.push_back(random_numbers(generator_, net_.output_gradient(o).size(), -1, 1));
        std::vector<shape> shapes;
        for (const node& n : g.nodes)
            shapes.push_back(n.out);
        expected_ = std::make_unique<gradient_interpreter>(g, net_.parameters().state(), shapes, running);
    }

    void run() {
        net_.parameters().zero_gradients();
        add_gradients();
    }
    void add_gradients() {
        net_.forward(images_.data());
        for (std::size_t o = 0; o < upstream_.size(); ++o)
            std::copy(upstream_[o].begin(), upstream_[o].end(), net_.output_gradient(o).begin());
        net_.backward();
    }
    void run_expected() {
        const auto count = static_cast<std::size_t>(net_.batch());
        const auto images = [&](const std::vector<float>& all) {
            std::vector<doubles> split;
            const auto each = static_cast<std::ptrdiff_t>(all.size() / count);
            for (auto x = all.begin(); x != all.end(); x += each)
                split.emplace_back(x, x + each);
            return split;
        };
        expected_->forward(images(images_));
        std::vector<std::vector<doubles>> upstream;
        for (const auto& all : upstream_)
            upstream.push_back(images(all));
        expected_->backward(upstream);
    }

    training_network& net() { return net_; }
    const gradient_interpreter& expected() const { return *expected_; }
    std::vector<float> all_gradients() {
        return {net_.parameters().gradients().begin(), net_.parameters().gradients().end()};
    }

private:
    // The counters of random weights are no counts.
    static state_dict without_counts(state_dict weights) {
        state_dict counted;
        for (tensor& t : weights.release()) {
            if (t.name.size() > 19 && t.name.substr(t.name.size() - 19) == "num_batches_tracked")
                t.values.assign(t.values.size(), 0.0F);
            counted.insert(std::move(t));
        }
        return counted;
    }

    runtime_training_program program_;
    training_network net_;
    std::minstd_rand generator_;
    std::vector<float> images_;
    std::vector<std::vector<float>> upstream_;
    std::unique_ptr<gradient_interpreter> expected_;
};

// Errors are measured against the largest number of their kind in the whole network; where a norm cancels all
// of them, against a thousandth.
struct error_meter {
    double largest = 1e-3, error = 0;

    void add(double got, double expected) {
        largest = std::max(largest, std::abs(expected));
        error = std::max(error, std::abs(got - expected));
        if (!(std::abs(got) < 1e30)) // not-a-number, too
            error = 1e30;
    }
    double relative() const { return error / largest; }
};

double gradient_error(random_case& c) {
    error_meter meter;
    for (const training_parameters::placed& p : c.net().parameters().all()) {
        if (is_buffer(p.what.kind))
            continue;
        const auto found = c.expected().parameter_gradients.find(key_of(c.net().graph(), p.what).str());
        for (std::size_t i = 0; i < static_cast<std::size_t>(p.what.dims.size()); ++i)
            meter.add(static_cast<double>(c.net().parameters().gradients()[p.place + i]),
                      found == c.expected().parameter_gradients.end() ? 0.0 : found->second[i]);
    }
    return meter.relative();
}

double input_gradient_error(random_case& c) {
    error_meter meter;
    const array got = input_gradient_of(c.net());
    for (std::size_t n = 0; n < static_cast<std::size_t>(c.net().batch()); ++n) {
        const std::vector<double> image = image_of<double>(got, n);
        for (std::size_t i = 0; i < image.size(); ++i)
            meter.add(image[i], c.expected().gradients[0][n][i]);
    }
    return meter.relative();
}

double output_error(random_case& c) {
    error_meter meter;
    const graph_view g = c.net().graph();
    std::vector<std::size_t> place(g.outputs.size(), 0);
    for (const output_part& p : g.parts) {
        const auto o = static_cast<std::size_t>(p.output);
        for (std::size_t n = 0; n < static_cast<std::size_t>(c.net().batch()); ++n) {
            const doubles& part = c.expected().values[static_cast<std::size_t>(p.value)][n];
            for (std::size_t i = 0; i < part.size(); ++i)
                meter.add(static_cast<double>(c.net().output(o)[n * c.net().output_floats(o) + place[o] + i]),
                          part[i]);
        }
        place[o] += g[p.value].out.size();
    }
    return meter.relative();
}

} // namespace

TEST_CASE("random networks have the gradients of a pass in double") {
    double largest = 0;
    for (unsigned seed = 0; seed < 200; ++seed) {
        const int batch = 1 + static_cast<int>(seed % 4);
        const bool recomputes = seed % 3 == 0, running = seed % 2 == 0;
        INFO("seed " << seed << ", batch " << batch << (recomputes ? ", recomputing" : "")
                     << (running ? ", running statistics" : ""));
        random_case c(seed, batch, {batch, recomputes, true}, running);
        c.run();
        c.run_expected();
        CHECK(output_error(c) < 2e-5);
        // Statistics of few pixels amplify rounding, up to 1 / sqrt(epsilon) a norm.
        const double limit = running ? 2e-5 : 1e-3;
        const double error = std::max(gradient_error(c), input_gradient_error(c));
        CHECK(error < limit);
        largest = std::max(largest, error);
    }
    CHECK(largest > 0);
}

TEST_CASE("gradients are the same bits on any executor, with recomputation, and after another plan") {
    for (unsigned seed : {3U, 7U, 11U, 20U, 31U}) {
        random_case plain(seed, 5, {5, false, true}, false);
        plain.run();
        const std::vector<float> expected = plain.all_gradients();
        random_case again(seed, 5, {5, true, true}, false);
        again.run();
        CHECK(again.all_gradients() == expected);
        for (const named_executor& ex : all_executors()) {
            INFO("seed " << seed << ", " << ex.name);
            random_case c(seed, 5, {5, seed % 2 == 0, true}, false);
            c.net().run_on(*ex.runs);
            c.run();
            CHECK(c.all_gradients() == expected);
        }
        const shape s = plain.net().shape_of(0);
        plain.net().plan({2, false, true}, s.height + random_table::more_rows,
                         s.width + random_table::more_columns);
        plain.net().plan({5, false, true}, s.height, s.width);
        plain.run();
        CHECK(plain.all_gradients() == expected);
    }
}

TEST_CASE("gradients of batches add up until they are zeroed") {
    random_case c(5, 3, {3, false, false}, true);
    c.run();
    const std::vector<float> once = c.all_gradients();
    c.add_gradients();
    const std::vector<float> twice = c.all_gradients();
    for (std::size_t i = 0; i < once.size(); ++i)
        CHECK(twice[i] == Approx(2 * once[i]).margin(1e-6));
}

TEST_CASE("frozen parameters get no gradient, the others the same as before") {
    const auto is_frozen = [](std::string_view key) {
        return std::accumulate(key.begin(), key.end(), 0) % 2 == 0; // about half of them
    };
    for (unsigned seed : {13U, 21U, 31U}) {
        random_case all(seed, 2, {2, false, false}, true), some(seed, 2, {2, false, false}, true);
        some.net().parameters().freeze(is_frozen);
        all.run();
        some.run();
        int frozen = 0, trained = 0;
        for (const training_parameters::placed& p : all.net().parameters().all()) {
            if (is_buffer(p.what.kind))
                continue;
            const bool off = is_frozen(key_of(all.net().graph(), p.what).view());
            ++(off ? frozen : trained);
            for (std::size_t i = p.place; i < p.place + static_cast<std::size_t>(p.what.dims.size()); ++i)
                CHECK(some.net().parameters().gradients()[i] ==
                      (off ? 0.0F : all.net().parameters().gradients()[i]));
        }
        CHECK(frozen > 0);
        CHECK(trained > 0);
    }
}

TEST_CASE("shared parameters are one entry of a training network's state, seen by all of their uses") {
    for (unsigned seed : {21U, 31U}) { // four convolutions that share another's parameters in each
        random_case c(seed, 2, {2, false, false}, true);
        const graph_view g = c.net().graph();
        std::set<node_id> owners;
        for (node_id i = 0; i < g.size(); ++i)
            if (g[i].shares >= 0)
                owners.insert(owner_of(g, i));
        REQUIRE(!owners.empty());
        CHECK(c.net().parameters().values().size() == static_cast<std::size_t>(count_parameters(g)));
        const state_dict state = c.net().parameters().state();
        std::size_t entries = 0;
        for (const tensor& t : state)
            entries += !t.name.empty();
        CHECK(entries == static_cast<std::size_t>(count_state_entries(g)));
        for (node_id owner : owners)
            CHECK(state.contains(full_name(g.names, g[owner].name, "weight").str()));
        c.run();
        const std::vector<float> output(c.net().output(0).begin(), c.net().output(0).end()),
            gradients = c.all_gradients();
        std::fill(c.net().parameters().values().begin(), c.net().parameters().values().end(), 0.5F);
        c.net().parameters().load(state); // as a checkpoint does
        c.run();
        CHECK(std::equal(output.begin(), output.end(), c.net().output(0).begin()));
        CHECK(c.all_gradients() == gradients);
    }
}

TEST_CASE("plans that a network cannot have are refused and change nothing") {
    random_case c(2, 2, {2, false, false}, true);
    c.run();
    const std::vector<float> before = c.all_gradients();
    CHECK_THROWS_AS(c.net().plan({0, false, false}, 8, 8), input_error);
    CHECK_THROWS_AS(c.net().plan({2, false, false}, 0, 8), input_error);
    CHECK_THROWS_AS(c.net().plan({1 << 30, false, false}, 32768, 32768), input_error);
    c.run();
    CHECK(c.all_gradients() == before);
}
