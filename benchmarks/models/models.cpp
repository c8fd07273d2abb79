// Whole passes of the zoo's models: times, memory and the fraction of the FMA peak.
#include "../support/fma_peak.hpp"
#include "../support/json_output.hpp"
#include "../support/processor.hpp"
#include "../support/zoo_programs.hpp"

#include <cstdio>
#include <memory>
#include <thread>

namespace {

using namespace fovea;
using nlohmann::json;

struct settings {
    std::vector<std::string> models;
    std::string json_file;
    int threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    int rounds = 20;
    double milliseconds = 100;
};

// A model's network with one number of threads. Times in seconds.
class measured_network {
public:
    measured_network(const program_view& program, int threads) : threads_(threads), random_(program) {
        if (threads > 1)
            random_.network().run_on(threads_);
        first_ = benchmarks::seconds([&] { random_.forward(); });
    }

    // One turn of about `budget` seconds; its first pass finds other networks' data in the caches and is not
    // counted.
    void take_turn(double budget) {
        random_.forward();
        std::vector<double> turn;
        for (double spent = 0; spent < budget || turn.size() < 3; spent += turn.back())
            turn.push_back(benchmarks::seconds([&] { random_.forward(); }));
        turn_medians_.push_back(benchmarks::median(turn));
        times_.insert(times_.end(), turn.begin(), turn.end());
    }

    const fovea::network& network() noexcept { return random_.network(); }
    int threads() const noexcept { return threads_.concurrency(); }
    double first() const noexcept { return first_; }
    const std::vector<double>& times() const noexcept { return times_; }
    const std::vector<double>& turn_medians() const noexcept { return turn_medians_; }

private:
    thread_executor threads_;
    random_network random_;
    double first_ = 0;
    std::vector<double> times_, turn_medians_;
};

// How many times as fast as `one`: the median over rounds, in each of which both had their turn.
double gain(const measured_network& one, const measured_network& many) {
    std::vector<double> ratios;
    for (std::size_t i = 0; i < one.turn_medians().size(); ++i)
        ratios.push_back(one.turn_medians()[i] / many.turn_medians()[i]);
    return benchmarks::median(std::move(ratios));
}

json figures(const std::string& model, measured_network& m, const measured_network& one_thread, double peak) {
    const double median = benchmarks::median(m.times());
    const double gflops = 2e-9 * static_cast<double>(count_macs(m.network().program().graph)) / median;
    return {{"model", model},
            {"threads", m.threads()},
            {"passes", m.times().size()},
            {"first_ms", 1e3 * m.first()},
            {"median_ms", 1e3 * median},
            {"p99_ms", 1e3 * benchmarks::percentile(m.times(), 0.99)},
            {"min_ms", 1e3 * benchmarks::least(m.times())},
            {"gflops", gflops},
            {"fma_peak_gflops", peak},
            {"of_peak", gflops / (peak * m.threads())},
            {"over_one_thread", gain(one_thread, m)},
            {"workspace_bytes", m.network().workspace_bytes()},
            {"packed_weight_bytes", m.network().packed_weight_bytes()}};
}

// All numbers of threads of a model take turns, so that other load meets them alike.
std::vector<json> measure(const named_program& model, const settings& s) {
    std::vector<std::unique_ptr<measured_network>> networks;
    for (int threads = 1; threads <= s.threads; ++threads)
        networks.push_back(std::make_unique<measured_network>(model.program, threads));
    const double peak_before = measured_fma_peak();
    for (int round = 0; round < s.rounds; ++round)
        for (const auto& network : networks)
            network->take_turn(1e-3 * s.milliseconds);
    const double peak = std::max(peak_before, measured_fma_peak());
    std::vector<json> result;
    for (const auto& network : networks)
        result.push_back(figures(model.name, *network, *networks.front(), peak));
    return result;
}

void print(const json& row) {
    const auto number = [&](const char* key) { return row[key].get<double>(); };
    std::printf("| %s | %d | %.3f | %.3f | %.3f | %.3f | %.1f | %.0f %% | %.2f | %.2f | %.2f |\n",
                row["model"].get<std::string>().c_str(), row["threads"].get<int>(), number("first_ms"),
                number("median_ms"), number("p99_ms"), number("min_ms"), number("gflops"),
                100 * number("of_peak"), number("over_one_thread"), 1e-6 * number("workspace_bytes"),
                1e-6 * number("packed_weight_bytes"));
    std::fflush(stdout);
}

void run(const settings& s) {
    json result = {
        {"processor", benchmarks::processor_name()}, {"arch", arch_name}, {"models", json::array()}};
    const bool table = benchmarks::prints_tables(s.json_file);
    if (table)
        std::printf(
            "%s, %s; times in ms\n\n"
            "| model | threads | first | median | 99 %% under | least | GFLOP/s | of peak | over 1 thread | "
            "workspace MB | weights MB |\n|---|---|---|---|---|---|---|---|---|---|---|\n",
            result["processor"].get<std::string>().c_str(), arch_name);
    for (const named_program& model : zoo_programs(s.models))
        for (const json& row : measure(model, s)) {
            if (table)
                print(row);
            result["models"].push_back(row);
        }
    benchmarks::write_json(s.json_file, result);
}

} // namespace

int main(int argc, char** argv) {
    settings s;
    CLI::App app("Times whole passes of the zoo's models, one image, with 1 to N threads in turn.");
    app.add_option("--models", s.models, "Only these models");
    app.add_option("--threads", s.threads, "Up to so many threads")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    app.add_option("--rounds", s.rounds, "Turns of each")
        ->check(CLI::Range(1, 1000000))
        ->capture_default_str();
    app.add_option("--milliseconds", s.milliseconds, "Time for each turn")
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    benchmarks::add_json_option(app, s.json_file);
    CLI11_PARSE(app, argc, argv);
    try {
        run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "benchmark_models: %s\n", e.what());
        return 1;
    }
}
