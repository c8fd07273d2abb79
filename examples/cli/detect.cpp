// fovea detect: the objects in photos.
#include "commands.hpp"
#include "draw.hpp"
#include "json_file.hpp"
#include "load_engine.hpp"
#include "photos.hpp"
#include "validators.hpp"

#include <cstdio>

namespace fovea::cli {

namespace {

struct detect_options {
    model_options model;
    photo_options photos;
    double score = 0.3;
    int top = 300;
};

json photo_json(const std::string& path, image_view photo, const std::vector<found_object>& objects) {
    json list = json::array();
    for (const found_object& o : objects)
        list.push_back({{"label", o.label},
                        {"class_id", o.class_id},
                        {"score", o.score},
                        {"box", {o.box.x1, o.box.y1, o.box.x2, o.box.y2}}});
    return {{"image", path}, {"width", photo.width}, {"height", photo.height}, {"detections", list}};
}

void print(const std::string& path, image_view photo, const std::vector<found_object>& objects) {
    std::printf("%s: %zux%zu, %zu object%s\n", path.c_str(), photo.width, photo.height, objects.size(),
                objects.size() == 1 ? "" : "s");
    for (const found_object& o : objects)
        std::printf("  %.2f  %-16s x %.0f .. %.0f, y %.0f .. %.0f\n", static_cast<double>(o.score),
                    o.label.c_str(), static_cast<double>(o.box.x1), static_cast<double>(o.box.x2),
                    static_cast<double>(o.box.y1), static_cast<double>(o.box.y2));
}

void run_detect(const detect_options& o) {
    const std::unique_ptr<engine> model = load_engine(o.model);
    model->set_score_threshold(static_cast<float>(o.score));
    process_photos(o.model.model, o.photos, [&](const std::string& path, image_view photo, bool quiet) {
        auto objects = model->detect(photo);
        objects.resize(std::min(objects.size(), static_cast<std::size_t>(o.top)));
        if (!quiet)
            print(path, photo, objects);
        return photo_result{photo_json(path, photo, objects), [=] { return draw_objects(photo, objects); }};
    });
}

} // namespace

void add_detect(CLI::App& app) {
    auto* command = app.add_subcommand("detect", "Finds the objects in photos");
    const auto o = std::make_shared<detect_options>();
    add_table_options(*command, o->model);
    add_photo_options(*command, o->photos);
    add_weight_options(*command, o->model);
    command->add_option("--score", o->score, "Objects above this score")
        ->check(number_between(0, 1))
        ->capture_default_str();
    command->add_option("--top", o->top, "At most so many objects a photo, the best")
        ->check(integer_between(1, 100000))
        ->capture_default_str();
    command->callback([o] {
        require_task(o->model, model_task::detection);
        run_detect(*o);
    });
}

} // namespace fovea::cli
