// Photos through a detector: what preprocessing and decoding cost beside the network.
#include "../support/json_output.hpp"
#include "../support/processor.hpp"
#include "photo_times.hpp"

#include <fovea/io/image.hpp>

#include <cstdio>
#include <filesystem>

namespace {

using namespace fovea;
using benchmarks::photo_times;
using benchmarks::stage_times;
using nlohmann::json;

struct settings {
    std::string weights, photos, json_file;
    std::vector<float> thresholds{0.001F, 0.05F, 0.5F};
    int threads = 1, runs = 5;
};

struct named_photo {
    std::string name;
    image pixels;
};

std::vector<named_photo> read_photos(const std::string& folder) {
    std::vector<std::filesystem::path> files;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
        if (entry.is_regular_file())
            files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<named_photo> photos;
    for (const auto& file : files)
        photos.push_back({file.filename().string(), read_image(file)});
    if (photos.empty())
        throw input_error(folder + ": no photos");
    return photos;
}

// What one threshold's photos took.
struct summary {
    float threshold = 0;
    stage_times median;
    double median_ratio = 0; // of (preprocess + decode) / network, photo by photo
    std::vector<std::pair<std::string, photo_times>> photos;

    const std::pair<std::string, photo_times>& worst() const {
        return *std::max_element(photos.begin(), photos.end(), [](const auto& a, const auto& b) {
            return a.second.median.ratio() < b.second.median.ratio();
        });
    }
};

summary summarise(float threshold, std::vector<std::pair<std::string, photo_times>> photos) {
    std::vector<stage_times> stages;
    std::vector<double> ratios;
    for (const auto& photo : photos) {
        stages.push_back(photo.second.median);
        ratios.push_back(photo.second.median.ratio());
    }
    return {threshold, benchmarks::median(stages), benchmarks::median(ratios), std::move(photos)};
}

json stages_json(const stage_times& t) {
    return {{"preprocess_us", 1e6 * t.preprocess},
            {"network_us", 1e6 * t.network},
            {"decode_us", 1e6 * t.decode},
            {"ratio", t.ratio()}};
}

json summary_json(const summary& s) {
    json result = {{"score_threshold", s.threshold},
                   {"median", stages_json(s.median)},
                   {"median_ratio", s.median_ratio},
                   {"worst", s.worst().first},
                   {"photos", json::array()}};
    for (const auto& [name, times] : s.photos) {
        json photo = stages_json(times.median);
        photo["photo"] = name;
        photo["width"] = times.size.width;
        photo["height"] = times.size.height;
        photo["detections"] = times.detections;
        result["photos"].push_back(std::move(photo));
    }
    return result;
}

void print(const summary& s) {
    const auto& [name, worst] = s.worst();
    std::printf("| %g | %.0f | %.0f | %.0f | %.1f %% | %s %zux%zu: %.0f + %.0f, %.1f %% |\n",
                static_cast<double>(s.threshold), 1e6 * s.median.preprocess, 1e6 * s.median.network,
                1e6 * s.median.decode, 100 * s.median_ratio, name.c_str(), worst.size.width,
                worst.size.height, 1e6 * worst.median.preprocess, 1e6 * worst.median.decode,
                100 * worst.median.ratio());
}

void run(const settings& s) {
    const std::vector<named_photo> photos = read_photos(s.photos);
    thread_executor threads(s.threads);
    sequential_executor sequential;
    executor& ex = s.threads > 1 ? static_cast<executor&>(threads) : sequential;
    auto model = load<ssdlite320_mobilenet_v3_large<>>(s.weights);
    model.network().run_on(ex);
    const std::string processor = benchmarks::processor_name();
    const bool tables = benchmarks::prints_tables(s.json_file);
    if (tables)
        std::printf("%zu photos, %s, %s, %d thread%s; medians in us\n\n"
                    "| score threshold | preprocess | network | decode | (preprocess + decode) / network | "
                    "worst photo: preprocess + decode |\n|---|---|---|---|---|---|\n",
                    photos.size(), processor.c_str(), arch_name, s.threads, s.threads == 1 ? "" : "s");
    json result = {{"processor", processor},
                   {"arch", arch_name},
                   {"threads", s.threads},
                   {"runs", s.runs},
                   {"thresholds", json::array()}};
    for (const float threshold : s.thresholds) {
        benchmarks::detection_stages stages(model, ex, threshold);
        std::vector<std::pair<std::string, photo_times>> times;
        for (const named_photo& photo : photos)
            times.emplace_back(photo.name, stages.measure(photo.pixels, s.runs));
        const summary of_all = summarise(threshold, std::move(times));
        if (tables)
            print(of_all);
        result["thresholds"].push_back(summary_json(of_all));
    }
    benchmarks::write_json(s.json_file, result);
}

} // namespace

int main(int argc, char** argv) {
    settings s;
    CLI::App app("Times SSDLite320's preprocessing, network and decoding on every photo of a folder.");
    app.add_option("weights", s.weights, "Weights of ssdlite320_mobilenet_v3_large")->required();
    app.add_option("photos", s.photos, "Folder of photos, searched to the bottom")->required();
    app.add_option("--thresholds", s.thresholds, "Score thresholds")->delimiter(',');
    app.add_option("--threads", s.threads, "Threads")->check(CLI::Range(1, 256));
    app.add_option("--runs", s.runs, "Runs a photo, of which the median counts")->check(CLI::Range(1, 10000));
    benchmarks::add_json_option(app, s.json_file);
    CLI11_PARSE(app, argc, argv);
    try {
        run(s);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "benchmark_detect: %s\n", e.what());
        return 1;
    }
}
