// Every distinct step of the zoo by itself: time, GFLOP/s and the fraction of the FMA peak, slowest first.
#include "../support/fma_peak.hpp"
#include "../support/json_output.hpp"
#include "../support/processor.hpp"
#include "../support/zoo_programs.hpp"
#include "step_text.hpp"

#include <cstdio>
#include <map>

namespace {

using namespace fovea;
using nlohmann::json;

struct settings {
    std::vector<std::string> models;
    std::string json_file;
    int threads = 1;
    double milliseconds = 50;
};

struct measured_step {
    std::string module; // the first that has it
    std::string kernel, kind, in, out;
    std::map<std::string, int> uses; // by model
    std::int64_t macs = 0;
    double seconds = 0; // of one run

    int use_count() const {
        int count = 0;
        for (const auto& use : uses)
            count += use.second;
        return count;
    }
    double total() const { return use_count() * seconds; }
    double gflops() const { return 2e-9 * static_cast<double>(macs) / seconds; }
};

// The median of many runs of step s in about `budget` seconds. Short steps are timed several at once.
double measure(const network& net, std::size_t s, double budget) {
    constexpr double shortest_sample = 20e-6;
    const auto run = [&](int times) {
        for (int i = 0; i < times; ++i)
            net.run_step(s);
    };
    run(1);
    const double once = benchmarks::seconds([&] { run(1); });
    const int repeats = once >= shortest_sample ? 1 : static_cast<int>(shortest_sample / (once + 1e-9)) + 1;
    std::vector<double> times;
    for (double spent = 0; spent < budget || times.size() < 5;) {
        const double sample = benchmarks::seconds([&] { run(repeats); });
        spent += sample;
        times.push_back(sample / repeats);
    }
    return benchmarks::median(std::move(times));
}

measured_step describe(const network& net, std::size_t s) {
    const program_view& program = net.program();
    const step& p = program.steps[s];
    const layer& l = net.layer_at(s);
    return {p.node < 0 ? "(copy)" : full_name(program.graph.names, program.graph[p.node].name).str(),
            program.kernels[s].name,
            benchmarks::text(p, l),
            benchmarks::text(l.in),
            benchmarks::text(l.out),
            {},
            count_macs(program.graph, p)};
}

std::vector<measured_step> measure(const settings& s) {
    thread_executor threads(s.threads);
    std::map<std::string, measured_step> distinct;
    for (const named_program& named : zoo_programs(s.models)) {
        random_network random(named.program);
        network& net = random.network();
        if (s.threads > 1)
            net.run_on(threads);
        random.forward();
        for (std::size_t i = 0; i < named.program.steps.size(); ++i) {
            measured_step found = describe(net, i);
            measured_step& known =
                distinct.try_emplace(found.kernel + found.kind + found.in + found.out, found).first->second;
            if (known.uses.empty())
                known.seconds = measure(net, i, 1e-3 * s.milliseconds);
            ++known.uses[named.name];
        }
    }
    std::vector<measured_step> steps;
    for (auto& entry : distinct)
        steps.push_back(std::move(entry.second));
    std::sort(steps.begin(), steps.end(),
              [](const measured_step& a, const measured_step& b) { return a.total() > b.total(); });
    return steps;
}

json step_json(const measured_step& m, double roof) {
    return {{"module", m.module},
            {"kernel", m.kernel},
            {"in", m.in},
            {"out", m.out},
            {"kind", m.kind},
            {"uses", m.uses},
            {"us", 1e6 * m.seconds},
            {"total_us", 1e6 * m.total()},
            {"macs", m.macs},
            {"gflops", m.gflops()},
            {"of_peak", m.gflops() / roof}};
}

struct kernel_total {
    double seconds = 0, flops = 0;
    int uses = 0;
};

std::map<std::string, kernel_total> totals(const std::vector<measured_step>& steps) {
    std::map<std::string, kernel_total> sums;
    for (const measured_step& m : steps)
        for (const std::string& name : {m.kernel, std::string("all")}) {
            kernel_total& sum = sums[name];
            sum.seconds += m.total();
            sum.flops += 2.0 * static_cast<double>(m.macs) * m.use_count();
            sum.uses += m.use_count();
        }
    return sums;
}

void print_steps(const std::vector<measured_step>& steps, double roof) {
    std::printf("| module | kernel | kind | in HxWxC | out HxWxC | uses | us | GFLOP/s | of peak |\n"
                "|---|---|---|---|---|---|---|---|---|\n");
    for (const measured_step& m : steps)
        std::printf("| %s | %s | %s | %s | %s | %d | %.1f | %.1f | %.0f %% |\n", m.module.c_str(),
                    m.kernel.c_str(), m.kind.c_str(), m.in.c_str(), m.out.c_str(), m.use_count(),
                    1e6 * m.seconds, m.gflops(), 100 * m.gflops() / roof);
}

void print_totals(const std::vector<measured_step>& steps, double roof) {
    std::printf("\n| kernel | steps | ms | GFLOP/s | of peak |\n|---|---|---|---|---|\n");
    for (const auto& [name, sum] : totals(steps))
        std::printf("| %s | %d | %.3f | %.1f | %.0f %% |\n", name.c_str(), sum.uses, 1e3 * sum.seconds,
                    1e-9 * sum.flops / sum.seconds, 1e-7 * sum.flops / sum.seconds / roof);
}

void run(const settings& s) {
    const std::string processor = benchmarks::processor_name();
    const double peak_before = measured_fma_peak();
    const std::vector<measured_step> steps = measure(s);
    const double peak = std::max(peak_before, measured_fma_peak()), roof = peak * s.threads;
    if (benchmarks::prints_tables(s.json_file)) {
        std::printf("%s, %s, %d thread%s; FMA peak %.1f GFLOP/s a core\n\n", processor.c_str(), arch_name,
                    s.threads, s.threads == 1 ? "" : "s", peak);
        print_steps(steps, roof);
        print_totals(steps, roof);
    }
    json result = {{"processor", processor},
                   {"arch", arch_name},
                   {"threads", s.threads},
                   {"fma_peak_gflops", peak},
                   {"steps", json::array()}};
    for (const measured_step& m : steps)
        result["steps"].push_back(step_json(m, roof));
    benchmarks::write_json(s.json_file, result);
}

} // namespace

int main(int argc, char** argv) {
    settings s;
    CLI::App app(
        "Times every distinct step of the zoo by itself, operands warm in cache as far as they fit.");
    app.add_option("--models", s.models, "Only the steps of these models");
    app.add_option("--threads", s.threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--milliseconds", s.milliseconds, "Time for each step")->check(CLI::PositiveNumber);
    benchmarks::add_json_option(app, s.json_file);
    CLI11_PARSE(app, argc, argv);
    try {
        run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "benchmark_kernels: %s\n", e.what());
        return 1;
    }
}
