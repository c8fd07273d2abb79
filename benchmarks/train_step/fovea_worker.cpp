// fovea's side of train_step/run.sh: trains SSDLite320 for some steps and prints one line of JSON, as worker.py does with
// torch. The same parameters, images and boxes, drawn from names (tests/support/fill.hpp).
#include "support/fill.hpp"

#include <fovea/models/detector.hpp>
#include <fovea/program/thread_executor.hpp>
#include <fovea/train/optimizer/sgd.hpp>
#include <fovea/train/ssd_trainer.hpp>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <chrono>
#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include <sys/resource.h>
#include <unistd.h>

namespace {

using namespace fovea;

constexpr auto large = tables::ssdlite320_mobilenet_v3_large;
constexpr auto small = tables::ssdlite320_mobilenet_v3_small.with_classes(4);

struct run_options {
    std::string network = "ssdlite320_large";
    int threads = 2, batch = 8, steps = 5, warm_up = 2;
    bool recompute = false;
};

struct picture {
    std::vector<box> boxes;
    std::vector<int> labels;
};

// The last shapes painted into scene(name): paint_targets() of tests/train/make_ssdlite_curve.py.
picture painted(const std::string& name, std::uint64_t size) {
    constexpr std::size_t shapes = 24, draws = 9, background_draws = 6, objects = 3;
    const std::vector<std::uint64_t> drawn = test::stream("scene:" + name, background_draws + shapes * draws);
    picture p;
    for (std::size_t s = shapes - objects; s < shapes; ++s) {
        const std::uint64_t* q = drawn.data() + background_draws + draws * s;
        const auto cx = static_cast<float>(q[1] % size), cy = static_cast<float>(q[2] % size);
        const auto rx = static_cast<float>(4 + q[3] % (size / 4)), ry = static_cast<float>(4 + q[4] % (size / 4));
        const auto side = static_cast<float>(size);
        p.boxes.push_back({std::max(cx - rx, 0.0F), std::max(cy - ry, 0.0F), std::min(cx + rx + 1, side),
                           std::min(cy + ry + 1, side)});
        p.labels.push_back(1 + static_cast<int>(q[0] % 2));
    }
    return p;
}

state_dict filled(graph_view g) {
    std::vector<test::named_shape> entries;
    fovea::detail::for_each_flat(g, [&](const parameter& p, std::size_t) {
        entries.push_back({key_of(g, p).str(), fovea::detail::extents_of(p)});
    });
    state_dict weights;
    for (const test::named_tensor& t : test::fill_state_dict(entries, {0.85, {{"head.", 0.1}}}))
        weights.insert({t.name, dtype::float32, t.shape, t.values});
    return weights;
}

long resident_mb() {
    long pages = 0, resident = 0;
    std::ifstream("/proc/self/statm") >> pages >> resident;
    return resident * (sysconf(_SC_PAGESIZE) / 1024) / 1024;
}

template <const auto& Table>
nlohmann::json train(const run_options& o) {
    const auto size = static_cast<std::size_t>(Table.backbone.height);
    std::vector<float> images;
    std::vector<picture> pictures;
    for (int i = 0; i < o.batch; ++i) {
        const std::string name = "curve" + std::to_string(i);
        for (std::uint8_t pixel : test::scene(name, size, size))
            images.push_back((static_cast<float>(pixel) / 255.0F - 0.5F) / 0.5F);
        pictures.push_back(painted(name, size));
    }
    std::vector<ground_truth> truths;
    for (const picture& p : pictures)
        truths.push_back({p.boxes, p.labels});
    thread_executor ex(o.threads);
    training_network net(training_model<detection_model<Table>>::program(), {o.batch, o.recompute, false},
                         ex);
    net.parameters().load(filled(net.graph()));
    const std::size_t parameters = net.parameters().values().size();
    ssd_trainer trainer(net, Table.boxes, std::make_unique<sgd>(whole_range(parameters, 4e-5F), sgd_settings{0.9}), {},
                        ex);
    nlohmann::json result{{"version", std::string("fovea ") + arch_name}, {"start_rss_mb", resident_mb()}};
    for (int step = 0; step < o.warm_up + o.steps; ++step) {
        const auto begin = std::chrono::steady_clock::now();
        result["losses"].push_back(trainer.step(images.data(), truths, 1e-3).loss.total());
        const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begin;
        if (step >= o.warm_up)
            result["seconds"].push_back(took.count());
    }
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    result["peak_rss_mb"] = usage.ru_maxrss / 1024;
    return result;
}

} // namespace

int main(int argc, char** argv) {
    run_options o;
    CLI::App app("Trains SSDLite320 for some steps and prints one line of JSON.");
    app.add_option("--network", o.network)->check(CLI::IsMember({"ssdlite320_large", "ssdlite320_small"}));
    app.add_option("--threads", o.threads)->check(CLI::Range(1, 256));
    app.add_option("--batch", o.batch)->check(CLI::Range(1, 1024));
    app.add_option("--steps", o.steps, "Steps that are timed")->check(CLI::PositiveNumber);
    app.add_option("--warm-up", o.warm_up, "Steps before");
    app.add_flag("--recompute", o.recompute, "Activations are computed again instead of being kept");
    CLI11_PARSE(app, argc, argv);
    const nlohmann::json result = o.network == "ssdlite320_large" ? train<large>(o) : train<small>(o);
    std::printf("%s\n", result.dump().c_str());
}
