#include "train_validation.hpp"

#include "engine.hpp"

#include <fovea/io/image.hpp>

#include <cstdio>

namespace fovea::cli {

bool validation::operator()(const state_dict& weights, const validation_watch& watch,
                            coco_result& result) const {
    constexpr std::size_t most = 100; // detections of an image that count: COCO's rule
    const std::unique_ptr<engine> model = make_engine(choice_, &weights);
    model->use_threads(threads_);
    std::vector<scored_box> detections;
    for (std::size_t i = 0; i < data_.samples.size(); ++i) {
        if (!watch(static_cast<double>(i) / static_cast<double>(data_.samples.size())))
            return false;
        const detection_sample& sample = data_.samples[i];
        auto objects = model->detect(read_image(std::filesystem::path(sample.photo)));
        objects.resize(std::min(objects.size(), most));
        for (const found_object& o : objects) {
            const double x = o.box.x1, y = o.box.y1;
            detections.push_back({sample.id, o.class_id, {x, y, o.box.x2 - x, o.box.y2 - y}, o.score});
        }
    }
    result = evaluate_coco(annotated_boxes(data_), detections);
    return true;
}

std::string class_table(const coco_result& result, const std::vector<std::string>& classes) {
    std::string table;
    for (const coco_category& c : result.categories) {
        if (c.ap < 0)
            continue;
        char figures[64];
        std::snprintf(figures, sizeof figures, "AP %.4f  AP50 %.4f", c.ap, c.ap50);
        std::string name = classes[static_cast<std::size_t>(c.category_id)];
        name.resize(std::max(name.size(), std::size_t{16}), ' ');
        table += "  " + name + " " + figures + "\n";
    }
    return table;
}

} // namespace fovea::cli
