// fovea classify: the classes of photos.
#include "commands.hpp"
#include "draw.hpp"
#include "json_file.hpp"
#include "load_engine.hpp"
#include "photos.hpp"
#include "validators.hpp"

#include <cstdio>

namespace fovea::cli {

namespace {

struct classify_options {
    model_options model;
    photo_options photos;
    int top = 5;
};

json photo_json(const std::string& path, image_view photo, const std::vector<scored_class>& classes) {
    json list = json::array();
    for (const scored_class& c : classes)
        list.push_back({{"label", c.label}, {"class_id", c.class_id}, {"score", c.score}});
    return {{"image", path}, {"width", photo.width}, {"height", photo.height}, {"classes", list}};
}

void print(const std::string& path, const std::vector<scored_class>& classes) {
    std::printf("%s\n", path.c_str());
    for (const scored_class& c : classes)
        std::printf("  %6.2f %%  %s\n", 100 * static_cast<double>(c.score), c.label.c_str());
}

void run_classify(const classify_options& o) {
    const std::unique_ptr<engine> model = load_engine(o.model);
    process_photos(o.model.model, o.photos, [&](const std::string& path, image_view photo, bool quiet) {
        const auto classes = model->classify(photo, static_cast<std::size_t>(o.top));
        if (!quiet)
            print(path, classes);
        return photo_result{photo_json(path, photo, classes), [=] { return draw_classes(photo, classes); }};
    });
}

} // namespace

void add_classify(CLI::App& app) {
    auto* command = app.add_subcommand("classify", "Names the classes of photos");
    const auto o = std::make_shared<classify_options>();
    add_table_options(*command, o->model);
    add_photo_options(*command, o->photos);
    add_weight_options(*command, o->model);
    command->add_option("--top", o->top, "How many classes")
        ->check(integer_between(1, 100000))
        ->capture_default_str();
    command->callback([o] {
        require_task(o->model, model_task::classification);
        run_classify(*o);
    });
}

} // namespace fovea::cli
