// fovea bench: how long a forward pass takes, and each of its steps.
#include "commands.hpp"
#include "json_file.hpp"
#include "load_engine.hpp"
#include "validators.hpp"

#include <fovea/graph/cost.hpp>

#include <algorithm>
#include <chrono>
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

template <class Function>
double milliseconds(const Function& f) {
    const auto begin = std::chrono::steady_clock::now();
    f();
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
}

// The value that a share of the sorted times does not exceed (nearest rank).
double percentile(const std::vector<double>& sorted, double share) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
    return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

std::vector<double> sorted_times(int iterations, const std::function<void()>& f) {
    std::vector<double> times;
    for (int i = 0; i < iterations; ++i)
        times.push_back(milliseconds(f));
    std::sort(times.begin(), times.end());
    return times;
}

// A picture of smooth values in -1 .. 1, NHWC.
std::vector<float> test_image(shape s) {
    std::vector<float> image(s.size());
    for (std::size_t i = 0; i < image.size(); ++i)
        image[i] = std::sin(static_cast<float>(i % 9973) * 0.01F);
    return image;
}

json measure(const bench_options& o, engine& model) {
    const std::vector<float> image = test_image(model.input_shape());
    const auto pass = [&] { model.forward(image.data()); };
    const double first = milliseconds(pass);
    const std::vector<double> times = sorted_times(o.iterations, pass);
    const auto macs = static_cast<double>(count_macs(model.graph()));
    const double median = percentile(times, 0.5);
    return {{"model", o.model.model},
            {"arch", engine::arch()},
            {"threads", o.model.threads},
            {"iterations", o.iterations},
            {"input", {1, 3, model.input_shape().height, model.input_shape().width}},
            {"first_ms", first},
            {"median_ms", median},
            {"min_ms", times.front()},
            {"p99_ms", percentile(times, 0.99)},
            {"gflops", 2e-6 * macs / median},
            {"workspace_bytes", model.workspace_bytes()},
            {"packed_weight_bytes", model.packed_weight_bytes()}};
}

std::string text(const map_layout& l) {
    return std::to_string(l.height) + "x" + std::to_string(l.width) + "x" + std::to_string(l.channels);
}

// Steps in order, so that each finds what the one before it wrote.
json measure_layers(const bench_options& o, const engine& model) {
    json layers = json::array();
    const graph_view g = model.graph();
    for (std::size_t s = 0; s < model.steps().size(); ++s) {
        const step& step = model.steps()[s];
        const layer& l = model.layer_at(s);
        const double median =
            percentile(sorted_times(std::min(o.iterations, 50), [&] { model.run_step(s); }), 0.5);
        const auto macs = step.node < 0 ? 0
                                        : count_macs(g[step.node], {l.in.height, l.in.width, l.in.channels},
                                                     {l.out.height, l.out.width, l.out.channels});
        layers.push_back(
            {{"module", step.node < 0 ? "(output)" : full_name(g.names, g[step.node].name).str()},
             {"kernel", model.kernel_name(s)},
             {"in", text(l.in)},
             {"out", text(l.out)},
             {"us", median * 1e3},
             {"gflops", 2e-6 * static_cast<double>(macs) / median}});
    }
    return layers;
}

void print(const json& result) {
    const auto number = [&](const char* key) { return result[key].get<double>(); };
    std::printf("%s, %s, %d thread%s, %d passes\n", result["model"].get<std::string>().c_str(),
                result["arch"].get<std::string>().c_str(), result["threads"].get<int>(),
                result["threads"].get<int>() == 1 ? "" : "s", result["iterations"].get<int>());
    std::printf("median %.3f ms, least %.3f, 99 %% under %.3f, first %.3f; %.1f GFLOP/s\n",
                number("median_ms"), number("min_ms"), number("p99_ms"), number("first_ms"),
                number("gflops"));
    std::printf("workspace %.2f MB, packed weights %.2f MB\n", number("workspace_bytes") / 1e6,
                number("packed_weight_bytes") / 1e6);
    if (!result.contains("layers"))
        return;
    std::printf("\n%-52s %-20s %13s %13s %9s %8s\n", "module", "kernel", "in HxWxC", "out HxWxC", "us",
                "GFLOP/s");
    for (const json& l : result["layers"])
        std::printf("%-52s %-20s %13s %13s %9.1f %8.1f\n", l["module"].get<std::string>().c_str(),
                    l["kernel"].get<std::string>().c_str(), l["in"].get<std::string>().c_str(),
                    l["out"].get<std::string>().c_str(), l["us"].get<double>(), l["gflops"].get<double>());
}

engine make_engine(const model_options& o) {
    if (!o.weights.empty())
        return load_engine(o);
    engine model(choose(o));
    model.use_threads(o.threads);
    return model;
}

void run_bench(const bench_options& o) {
    engine model = make_engine(o.model);
    json result = measure(o, model);
    if (o.layers)
        result["layers"] = measure_layers(o, model);
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
    command->add_flag("--layers", o->layers, "Measure every step too");
    command->add_option("--json", o->json, "Write the numbers as JSON; - for standard output");
    command->callback([o] { run_bench(*o); });
}

} // namespace fovea::cli
