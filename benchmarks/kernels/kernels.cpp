// Every distinct layer of the zoo by itself: time, GFLOP/s and the fraction of the FMA peak, slowest first.
#include "../support/fma_peak.hpp"
#include "../support/processor.hpp"
#include "layer_run.hpp"

#include <fovea/program/thread_executor.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <cstdio>
#include <iostream>

namespace {

using namespace fovea;
using nlohmann::json;

struct settings {
    std::string model, json_file;
    int threads = 1;
    double milliseconds = 50;
};

struct measured_layer {
    benchmarks::zoo_layer layer;
    double seconds = 0; // of one run

    int uses() const {
        int count = 0;
        for (const auto& use : layer.uses)
            count += use.second;
        return count;
    }
    double total() const { return uses() * seconds; }
    double gflops() const { return 2e-9 * static_cast<double>(layer.macs) / seconds; }
};

std::vector<measured_layer> measure(const settings& s) {
    thread_executor threads(s.threads);
    sequential_executor sequential;
    executor& ex = s.threads > 1 ? static_cast<executor&>(threads) : sequential;
    std::vector<measured_layer> measured;
    for (const benchmarks::zoo_layer& l : benchmarks::zoo_layers(s.model))
        measured.push_back({l, benchmarks::layer_run(l, ex).measure(1e-3 * s.milliseconds)});
    std::sort(measured.begin(), measured.end(),
              [](const measured_layer& a, const measured_layer& b) { return a.total() > b.total(); });
    return measured;
}

std::string text(const map_layout& m) {
    return std::to_string(m.height) + "x" + std::to_string(m.width) + "x" + std::to_string(m.channels);
}

// What tells two layers of one kernel apart beside their maps.
std::string extras(const benchmarks::zoo_layer& l) {
    const window& w = l.geometry.win;
    std::string t = std::to_string(w.kernel_height) + "x" + std::to_string(w.kernel_width);
    if (w.stride_height > 1)
        t += " /" + std::to_string(w.stride_height);
    t += " " + std::string(name_of(l.geometry.act));
    return t + (l.gated ? " gate" : "") + (l.residual ? " residual" : "");
}

json layer_json(const measured_layer& m, double roof) {
    return {{"module", m.layer.module},
            {"kernel", m.layer.run.name},
            {"in", text(m.layer.geometry.in)},
            {"out", text(m.layer.geometry.out)},
            {"kind", extras(m.layer)},
            {"uses", m.layer.uses},
            {"us", 1e6 * m.seconds},
            {"total_us", 1e6 * m.total()},
            {"macs", m.layer.macs},
            {"gflops", m.gflops()},
            {"of_peak", m.gflops() / roof}};
}

struct kernel_total {
    double seconds = 0, flops = 0;
    int uses = 0;
};

std::map<std::string, kernel_total> totals(const std::vector<measured_layer>& layers) {
    std::map<std::string, kernel_total> sums;
    for (const measured_layer& m : layers)
        for (const std::string& name : {std::string(m.layer.run.name), std::string("all")}) {
            kernel_total& sum = sums[name];
            sum.seconds += m.total();
            sum.flops += 2.0 * static_cast<double>(m.layer.macs) * m.uses();
            sum.uses += m.uses();
        }
    return sums;
}

void print_layers(const std::vector<measured_layer>& layers, double roof) {
    std::printf("| module | kernel | kind | in HxWxC | out HxWxC | uses | us | GFLOP/s | of peak |\n"
                "|---|---|---|---|---|---|---|---|---|\n");
    for (const measured_layer& m : layers)
        std::printf("| %s | %s | %s | %s | %s | %d | %.1f | %.1f | %.0f %% |\n", m.layer.module.c_str(),
                    m.layer.run.name, extras(m.layer).c_str(), text(m.layer.geometry.in).c_str(),
                    text(m.layer.geometry.out).c_str(), m.uses(), 1e6 * m.seconds, m.gflops(),
                    100 * m.gflops() / roof);
}

void print_totals(const std::vector<measured_layer>& layers, double roof) {
    std::printf("\n| kernel | layers | ms | GFLOP/s | of peak |\n|---|---|---|---|---|\n");
    for (const auto& [name, sum] : totals(layers))
        std::printf("| %s | %d | %.3f | %.1f | %.0f %% |\n", name.c_str(), sum.uses, 1e3 * sum.seconds,
                    1e-9 * sum.flops / sum.seconds, 1e-7 * sum.flops / sum.seconds / roof);
}

void run(const settings& s) {
    const std::string processor = benchmarks::processor_name();
    const std::vector<measured_layer> layers = measure(s);
    const double peak = measured_fma_peak(), roof = peak * s.threads;
    if (layers.empty())
        throw input_error("no model is called '" + s.model + "'");
    if (s.json_file != "-") {
        std::printf("%s, %s, %s, %d thread%s; FMA peak %.1f GFLOP/s a core\n\n",
                    s.model.empty() ? "all models" : s.model.c_str(), processor.c_str(), arch_name, s.threads,
                    s.threads == 1 ? "" : "s", peak);
        print_layers(layers, roof);
        print_totals(layers, roof);
    }
    json result = {{"processor", processor},
                   {"arch", arch_name},
                   {"threads", s.threads},
                   {"fma_peak_gflops", peak},
                   {"layers", json::array()}};
    for (const measured_layer& m : layers)
        result["layers"].push_back(layer_json(m, roof));
    if (s.json_file == "-")
        std::cout << result.dump(1) << '\n';
    else if (!s.json_file.empty() && !(std::ofstream(s.json_file) << result.dump(1) << '\n'))
        throw io_error(s.json_file + ": cannot be written");
}

} // namespace

int main(int argc, char** argv) {
    settings s;
    CLI::App app(
        "Times every distinct layer of the zoo by itself, operands warm in cache as far as they fit.");
    app.add_option("--model", s.model, "Only the layers of this model");
    app.add_option("--threads", s.threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--milliseconds", s.milliseconds, "Time for each layer")->check(CLI::PositiveNumber);
    app.add_option("--json", s.json_file,
                   "Write the numbers as JSON; - for standard output, without the tables");
    CLI11_PARSE(app, argc, argv);
    try {
        run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "benchmark_kernels: %s\n", e.what());
        return 1;
    }
}
