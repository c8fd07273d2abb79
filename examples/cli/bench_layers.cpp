#include "bench_layers.hpp"

#include "../../benchmarks/support/statistics.hpp"

#include <fovea/graph/cost.hpp>

#include <cstdio>

namespace fovea::cli {

namespace {

std::string text(const map_layout& l) {
    return std::to_string(l.height) + "x" + std::to_string(l.width) + "x" + std::to_string(l.channels);
}

std::size_t bytes(const map_layout& l) {
    return sizeof(float) * static_cast<std::size_t>(l.pixels()) * static_cast<std::size_t>(l.stride);
}

// Maps that a step reads and writes at least once.
std::size_t map_bytes(const step& s, const layer& l) {
    return bytes(l.in) + bytes(l.out) * (s.residual < 0 ? 1 : 2);
}

// Microseconds and multiply-adds with the rates that follow from them.
json rates(double us, double macs, double total_us, double roof) {
    const double gflops = us > 0 ? 2e-3 * macs / us : 0;
    return {
        {"us", us}, {"share", us / total_us}, {"gflops", gflops}, {"of_peak", gflops / roof}, {"macs", macs}};
}

double sum(const json& entries, const char* key) {
    double total = 0;
    for (const json& entry : entries)
        total += entry[key].get<double>();
    return total;
}

void print_rates(const json& entry) {
    std::printf(" %9.1f %5.1f %% %8.1f %5.0f %%", entry["us"].get<double>(),
                1e2 * entry["share"].get<double>(), entry["gflops"].get<double>(),
                1e2 * entry["of_peak"].get<double>());
}

std::string word(const json& entry, const char* key) {
    return entry[key].get<std::string>();
}

} // namespace

void step_times::measure_pass() {
    for (std::size_t s = 0; s < seconds_.size(); ++s)
        seconds_[s].push_back(benchmarks::seconds([&] { model_.run_step(s); }));
}

json step_times::figures(double roof) const {
    std::vector<double> us;
    double total_us = 0;
    for (const std::vector<double>& times : seconds_) {
        us.push_back(1e6 * benchmarks::median(times));
        total_us += us.back();
    }
    const graph_view g = model_.graph();
    json layers = json::array();
    for (std::size_t s = 0; s < us.size(); ++s) {
        const step& p = model_.steps()[s];
        const layer& l = model_.layer_at(s);
        json entry = {{"module", p.node < 0 ? "(output)" : full_name(g.names, g[p.node].name).str()},
                      {"kernel", model_.kernel_name(s)},
                      {"in", text(l.in)},
                      {"out", text(l.out)}};
        entry.update(rates(us[s], static_cast<double>(count_macs(g, p)), total_us, roof));
        entry["weight_bytes"] = model_.packed_weight_bytes(s);
        entry["map_bytes"] = map_bytes(p, l);
        layers.push_back(std::move(entry));
    }
    return layers;
}

json totals_by_kernel(const json& layers, double roof) {
    std::map<std::string, json> by_kernel;
    for (const json& l : layers)
        by_kernel[word(l, "kernel")].push_back(l);
    const double total_us = sum(layers, "us");
    const auto total = [&](const std::string& kernel, const json& members) {
        json entry = {{"kernel", kernel}, {"steps", members.size()}};
        entry.update(rates(sum(members, "us"), sum(members, "macs"), total_us, roof));
        return entry;
    };
    std::vector<json> totals;
    for (const auto& [kernel, members] : by_kernel)
        totals.push_back(total(kernel, members));
    std::sort(totals.begin(), totals.end(), [](const json& a, const json& b) { return a["us"] > b["us"]; });
    totals.push_back(total("all", layers));
    return totals;
}

void print_layers(const json& layers, const json& totals) {
    const char* rate_titles = "        us   share  GFLOP/s of peak";
    std::printf("\n%-46s %-20s %12s %12s%s %10s %9s %6s\n", "module", "kernel", "in HxWxC", "out HxWxC",
                rate_titles, "weights kB", "maps kB", "GB/s");
    for (const json& l : layers) {
        std::printf("%-46s %-20s %12s %12s", word(l, "module").c_str(), word(l, "kernel").c_str(),
                    word(l, "in").c_str(), word(l, "out").c_str());
        print_rates(l);
        const double weights = 1e-3 * l["weight_bytes"].get<double>(),
                     maps = 1e-3 * l["map_bytes"].get<double>();
        std::printf(" %10.1f %9.1f %6.1f\n", weights, maps, (weights + maps) / l["us"].get<double>());
    }
    std::printf("\n%-46s %-20s%s\n", "kernel", "steps", rate_titles);
    for (const json& t : totals) {
        std::printf("%-46s %-20d", word(t, "kernel").c_str(), t["steps"].get<int>());
        print_rates(t);
        std::printf("\n");
    }
}

} // namespace fovea::cli
