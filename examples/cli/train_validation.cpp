#include "train_validation.hpp"

#include "engine.hpp"

#include <fovea/evaluate/coco.hpp>
#include <fovea/io/image.hpp>

#include <algorithm>
#include <cstdio>

namespace fovea::cli {

namespace {

// "  RBC               AP .51234  AP50 .80312".
std::string class_line(std::string name, const char* format, double first, double second) {
    char figures[64];
    std::snprintf(figures, sizeof figures, format, first, second);
    name.resize(std::max(name.size(), std::size_t{16}), ' ');
    return "  " + name + " " + figures + "\n";
}

std::string class_table(const coco_result& result, const std::vector<std::string>& classes) {
    std::string table;
    for (const coco_category& c : result.categories)
        if (c.ap >= 0)
            table += class_line(classes[static_cast<std::size_t>(c.category_id)], "AP %.4f  AP50 %.4f", c.ap, c.ap50);
    return table;
}

// Photos of a class, and how many were right at the first guess and within five.
struct class_score {
    double photos = 0, first = 0, five = 0;
};

} // namespace

bool detection_validation::operator()(const state_dict& weights, const validation_watch& watch,
                                      validation_figures& result) const {
    constexpr std::size_t most = 100; // detections of an image that count: COCO's rule
    const std::unique_ptr<engine> model = make_engine(choice_, &weights);
    model->use_threads(threads_);
    model->use_evaluation_settings();
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
    const coco_result figures = evaluate_coco(annotated_boxes(data_), detections);
    result = {figures.figures.ap, figures.figures.ap50, class_table(figures, data_.classes)};
    return true;
}

bool classification_validation::operator()(const state_dict& weights, const validation_watch& watch,
                                           validation_figures& result) const {
    const std::unique_ptr<engine> model = make_engine(choice_, &weights);
    model->use_threads(threads_);
    std::vector<class_score> scores(data_.classes.size());
    class_score all;
    for (const classified_photo& sample : data_.samples) {
        if (!watch(all.photos / static_cast<double>(data_.samples.size())))
            return false;
        const auto guesses = model->classify(read_image(std::filesystem::path(sample.photo)), 5);
        const auto found = std::find_if(guesses.begin(), guesses.end(),
                                        [&](const scored_class& c) { return c.class_id == sample.label; });
        for (class_score* s : {&all, &scores[static_cast<std::size_t>(sample.label)]}) {
            s->photos += 1;
            s->first += found == guesses.begin() && found != guesses.end() ? 1 : 0;
            s->five += found != guesses.end() ? 1 : 0;
        }
    }
    result = {all.first / all.photos, all.five / all.photos, {}};
    constexpr std::size_t most_lines = 50;
    for (std::size_t c = 0; c < scores.size() && scores.size() <= most_lines; ++c)
        if (scores[c].photos > 0)
            result.classes += class_line(data_.classes[c], "top-1 %.4f  top-5 %.4f", scores[c].first / scores[c].photos,
                                         scores[c].five / scores[c].photos);
    return true;
}

} // namespace fovea::cli
