// Fused blocks beside their layers one by one, in place within whole passes: what graph/fuse_blocks.hpp's
// rule rests on.
#include "../kernels/step_text.hpp"
#include "../support/fma_peak.hpp"
#include "../support/processor.hpp"
#include "../support/zoo_programs.hpp"

#include <fovea/program/runtime_program.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace {

using namespace fovea;

// A network whose steps are timed within passes.
class timed_network {
public:
    explicit timed_network(const program_view& program) : random_(program), seconds_(program.steps.size()) {}

    void run_on(executor& ex) { random_.network().run_on(ex); }
    void run_pass() {
        random_.forward();
        for (std::size_t s = 0; s < seconds_.size(); ++s)
            seconds_[s].push_back(benchmarks::seconds([&] { random_.network().run_step(s); }));
    }
    double median(std::size_t s) const { return benchmarks::median(seconds_[s]); }
    const network& net() noexcept { return random_.network(); }

private:
    random_network random_;
    std::vector<std::vector<double>> seconds_; // by step and pass
};

bool is_part(const step& layer, const step& block) {
    return layer.node >= 0 && (layer.node == block.expand.node || layer.node == block.depthwise.node ||
                               layer.node == block.node || (block.pool >= 0 && layer.value == block.pool));
}

void compare(const std::string& name, const runtime_program& layers, const runtime_program& blocks,
             int passes, executor& ex) {
    timed_network one_by_one(layers.view()), fused(blocks.view());
    one_by_one.run_on(ex);
    fused.run_on(ex);
    for (int i = 0; i < passes; ++i) {
        one_by_one.run_pass();
        fused.run_pass();
    }
    double all_layers = 0, all_fused = 0;
    for (std::size_t b = 0; b < blocks.view().steps.size(); ++b) {
        const step& block = blocks.view().steps[b];
        double apart = 0;
        int parts = 0;
        for (std::size_t s = 0; s < layers.view().steps.size(); ++s)
            if (is_part(layers.view().steps[s], block)) {
                apart += one_by_one.median(s);
                ++parts;
            }
        if (parts < 2)
            continue;
        all_layers += apart;
        all_fused += fused.median(b);
        const layer& l = fused.net().layer_at(b);
        std::printf("| %s | %s | %s | %s | %.1f | %.1f | %.2f |\n", name.c_str(),
                    benchmarks::text(l.in).c_str(), benchmarks::text(block, l).c_str(),
                    benchmarks::text(l.out).c_str(), 1e6 * apart, 1e6 * fused.median(b),
                    apart / fused.median(b));
    }
    std::printf("| %s | | all blocks | | %.1f | %.1f | %.2f |\n", name.c_str(), 1e6 * all_layers,
                1e6 * all_fused, all_layers / all_fused);
}

} // namespace

int main(int argc, char** argv) {
    std::vector<std::string> models;
    int threads = 1, passes = 60;
    CLI::App app("Times fused blocks beside the same layers one by one, in place within whole passes.");
    app.add_option("--models", models, "Only these models of the zoo");
    app.add_option("--threads", threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--passes", passes, "Passes of each network")->check(CLI::PositiveNumber);
    CLI11_PARSE(app, argc, argv);
    try {
        thread_executor ex(threads);
        std::printf("%s, %s, %d thread%s; FMA peak %.1f GFLOP/s a core; medians of %d passes, us\n\n",
                    benchmarks::processor_name().c_str(), arch_name, threads, threads == 1 ? "" : "s",
                    measured_fma_peak(), passes);
        std::printf("| model | in | block | out | layers | block | gain |\n|---|---|---|---|---|---|---|\n");
        boost::hana::for_each(zoo, [&](const auto& entry) {
            using entry_type = std::decay_t<decltype(entry)>;
            if (!models.empty() && std::find(models.begin(), models.end(), entry.name) == models.end())
                return;
            const runtime_program layers(entry_type::table, fusion_level::layers), blocks(entry_type::table);
            compare(std::string(entry.name), layers, blocks, passes, ex);
        });
    } catch (const std::exception& e) {
        std::fprintf(stderr, "benchmark_blocks: %s\n", e.what());
        return 1;
    }
}
