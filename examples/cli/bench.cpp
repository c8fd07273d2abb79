// fovea bench: how long a forward pass takes, and each of its steps.
#include "bench_layers.hpp"
#include "commands.hpp"
#include "load_engine.hpp"
#include "validators.hpp"

#include "../../benchmarks/support/statistics.hpp"

#include <fovea/graph/cost.hpp>

#include <cmath>
#include <cstdio>

namespace fovea::cli {

namespace {

struct bench_options {
    model_options model;
    int iterations = 100;
    bool layers = false;
    std::string json;
};

// A picture of smooth values in -1 .. 1, NHWC.
std::vector<float> test_image(shape s) {
    std::vector<float> image(s.size());
    for (std::size_t i = 0; i < image.size(); ++i)
        image[i] = std::sin(static_cast<float>(i % 9973) * 0.01F);
    return image;
}

// Whole passes and passes step by step take turns, so that other load meets both alike.
json measure(const bench_options& o, engine& model) {
    const std::vector<float> image = test_image(model.input_shape());
    const auto pass = [&] { model.forward(image.data()); };
    const double first = benchmarks::seconds(pass);
    const double peak_before = fma_peak();
    std::vector<double> times;
    step_times steps(model);
    for (int i = 0; i < o.iterations; ++i) {
        times.push_back(benchmarks::seconds(pass));
        if (o.layers)
            steps.measure_pass();
    }
    const double peak = std::max(peak_before, fma_peak()), roof = peak * o.model.threads;
    const double median = benchmarks::median(times);
    const double gflops = 2e-9 * static_cast<double>(count_macs(model.graph())) / median;
    json result = {{"model", o.model.model},
                   {"arch", make_engine.arch()},
                   {"threads", o.model.threads},
                   {"iterations", o.iterations},
                   {"input", {1, 3, model.input_shape().height, model.input_shape().width}},
                   {"first_ms", 1e3 * first},
                   {"median_ms", 1e3 * median},
                   {"min_ms", 1e3 * benchmarks::least(times)},
                   {"p99_ms", 1e3 * benchmarks::percentile(times, 0.99)},
                   {"gflops", gflops},
                   {"fma_peak_gflops", peak},
                   {"of_peak", gflops / roof},
                   {"workspace_bytes", model.workspace_bytes()},
                   {"packed_weight_bytes", model.packed_weight_bytes()}};
    if (o.layers) {
        result["layers"] = steps.figures(roof);
        result["kernels"] = totals_by_kernel(result["layers"], roof);
    }
    return result;
}

void print(const json& result) {
    const auto number = [&](const char* key) { return result[key].get<double>(); };
    std::printf("%s, %s, %d thread%s, %d passes\n", result["model"].get<std::string>().c_str(),
                result["arch"].get<std::string>().c_str(), result["threads"].get<int>(),
                result["threads"].get<int>() == 1 ? "" : "s", result["iterations"].get<int>());
    std::printf("median %.3f ms, least %.3f, 99 %% under %.3f, first %.3f\n", number("median_ms"),
                number("min_ms"), number("p99_ms"), number("first_ms"));
    std::printf("%.1f GFLOP/s, %.0f %% of the FMA peak (%.1f GFLOP/s a core)\n", number("gflops"),
                1e2 * number("of_peak"), number("fma_peak_gflops"));
    std::printf("workspace %.2f MB, packed weights %.2f MB\n", number("workspace_bytes") / 1e6,
                number("packed_weight_bytes") / 1e6);
    if (result.contains("layers"))
        print_layers(result["layers"], result["kernels"]);
}

std::unique_ptr<engine> bench_engine(const model_options& o) {
    if (!o.weights.empty())
        return load_engine(o);
    std::unique_ptr<engine> model = make_engine(choose(o), nullptr);
    model->use_threads(o.threads);
    return model;
}

void run_bench(const bench_options& o) {
    const std::unique_ptr<engine> model = bench_engine(o.model);
    const json result = measure(o, *model);
    if (o.json != "-")
        print(result);
    if (!o.json.empty())
        write_json(o.json, result);
}

} // namespace

void add_bench(CLI::App& app) {
    auto* command = app.add_subcommand(
        "bench", "Measures the forward pass of one image; without --weights on random weights");
    const auto o = std::make_shared<bench_options>();
    add_table_options(*command, o->model);
    add_weight_options(*command, o->model);
    command->add_option("--iterations", o->iterations, "Measured passes")
        ->check(integer_between(1, 1000000))
        ->capture_default_str();
    command->add_flag("--layers", o->layers, "Measure every step too, within as many passes more");
    command->add_option("--json", o->json, "Write the numbers as JSON; - for standard output");
    command->callback([o] { run_bench(*o); });
}

} // namespace fovea::cli
