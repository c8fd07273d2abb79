// One photo through a detector's stages, each of them timed.
#pragma once

#include "../support/statistics.hpp"

#include <fovea/fovea.hpp>

namespace fovea::benchmarks {

// Seconds that the stages of detect() take.
struct stage_times {
    double preprocess = 0, network = 0, decode = 0;

    double ratio() const { return (preprocess + decode) / network; }
};

// Of each stage on its own. Not for no values.
inline stage_times median(const std::vector<stage_times>& times) {
    const auto of = [&](double stage_times::*stage) {
        std::vector<double> values;
        for (const stage_times& t : times)
            values.push_back(t.*stage);
        return median(std::move(values));
    };
    return {of(&stage_times::preprocess), of(&stage_times::network), of(&stage_times::decode)};
}

struct photo_times {
    image_size size;
    std::size_t detections = 0;
    stage_times median;
};

// The stages of detector::detect(), one after the other as there, so that each finds the caches as the one
// before left them.
class detection_stages {
public:
    detection_stages(detector& model, executor& ex, float score_threshold)
        : model_(model), executor_(ex), input_(model.network().input_shape().size()),
          decoder_(make_decoder(model, score_threshold)) {}

    photo_times measure(image_view photo, int runs) {
        photo_times result;
        result.size = photo.size();
        run(photo, result); // memory grows, caches fill
        std::vector<stage_times> times;
        for (int i = 0; i < runs; ++i)
            times.push_back(run(photo, result));
        result.median = benchmarks::median(times);
        return result;
    }

private:
    static ssd_decoder make_decoder(detector& model, float score_threshold) {
        const graph_view g = model.network().program().graph;
        ssd_decoder_settings settings = model.settings().decoder;
        settings.score_thresh = score_threshold;
        return {boxes_of(g, model.settings().boxes, g[0].out, [&](node_id i) { return g[i].out; }),
                static_cast<std::size_t>(g.outputs[0].row), settings};
    }
    stage_times run(image_view photo, photo_times& result) {
        network& net = model_.network();
        const shape s = net.input_shape();
        const auto height = static_cast<std::size_t>(s.height), width = static_cast<std::size_t>(s.width);
        stage_times t;
        t.preprocess = seconds([&] {
            apply(model_.settings().input, photo, {input_.data(), {height, width, 3}}, workspace_, executor_);
        });
        t.network = seconds([&] { net.forward(input_.data()); });
        t.decode = seconds([&] {
            result.detections = decoder_.decode(net.output(0), net.output(1), {height, width}).size();
        });
        return t;
    }

    detector& model_;
    executor& executor_;
    preprocess_workspace workspace_;
    aligned_floats input_;
    ssd_decoder decoder_;
};

} // namespace fovea::benchmarks
