// fovea evaluate: COCO's and VOC's figures of a detector, or of a detections file.
#include "commands.hpp"
#include "json_file.hpp"
#include "load_engine.hpp"
#include "photos.hpp"
#include "progress.hpp"
#include "validators.hpp"

#include "../coco_json.hpp"

#include <fovea/evaluate/coco.hpp>
#include <fovea/evaluate/voc.hpp>
#include <fovea/io/image.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <map>

namespace fovea::cli {

namespace {

namespace fs = std::filesystem;
using examples::coco_dataset;

struct evaluate_options {
    model_options model;
    std::string images, annotations, detections_out, detections_in, json;
    int max_detections = 100; // an image, of all categories: COCO's rule
};

// The data set's category of each class of the model, -1 for classes that it does not have. Matched by name:
// for COCO's 91 classes that makes category id = class id. Throws input_error naming every category that the
// model does not know.
std::vector<std::int64_t> categories_of_classes(const coco_dataset& data,
                                                const std::vector<std::string>& labels) {
    std::vector<std::int64_t> categories(labels.size(), -1);
    std::string unknown;
    for (const examples::coco_category_name& category : data.categories) {
        const auto found = std::find(labels.begin() + 1, labels.end(), category.name);
        if (found == labels.end())
            unknown += (unknown.empty() ? "'" : ", '") + category.name + "'";
        else
            categories[static_cast<std::size_t>(found - labels.begin())] = category.id;
    }
    if (!unknown.empty())
        throw input_error("the annotations have categories that the model does not know: " + unknown +
                          "; name the model's classes with --labels");
    return categories;
}

// Photos by the names that the annotations give, in a folder or anywhere below it.
class photo_folder {
public:
    explicit photo_folder(fs::path folder) : folder_(std::move(folder)) {}

    // Throws io_error or format_error, input_error when the size is not the annotated one.
    image read(const examples::coco_image& entry) {
        image photo = read_image(find(entry.file_name));
        if (static_cast<std::int64_t>(photo.width) != entry.width ||
            static_cast<std::int64_t>(photo.height) != entry.height)
            throw input_error(entry.file_name + ": expected " + std::to_string(entry.width) + "x" +
                              std::to_string(entry.height) + " pixels as the annotations say, found " +
                              std::to_string(photo.width) + "x" + std::to_string(photo.height));
        return photo;
    }

private:
    fs::path find(const std::string& name) {
        const fs::path direct = folder_ / name;
        if (fs::exists(direct))
            return direct;
        if (below_.empty())
            for (const fs::directory_entry& e : fs::recursive_directory_iterator(folder_))
                below_.emplace(e.path().filename().string(), e.path());
        const auto found = below_.find(name);
        return found == below_.end() ? direct : found->second;
    }

    fs::path folder_;
    std::map<std::string, fs::path> below_; // by name, filled when a photo is not in the folder itself
};

std::vector<scored_box> detect_all(engine& model, const coco_dataset& data, const evaluate_options& o) {
    const auto categories = categories_of_classes(data, model.labels());
    photo_folder photos(o.images);
    std::vector<scored_box> detections;
    progress_bar bar("evaluating");
    for (std::size_t i = 0; i < data.images.size(); ++i) {
        bar.show(static_cast<double>(i) / static_cast<double>(data.images.size()));
        auto objects = model.detect(photos.read(data.images[i]));
        objects.resize(std::min(objects.size(), static_cast<std::size_t>(o.max_detections)));
        for (const found_object& object : objects) {
            const std::int64_t category = categories[static_cast<std::size_t>(object.class_id)];
            const double x = object.box.x1, y = object.box.y1;
            if (category >= 0)
                detections.push_back({data.images[i].id,
                                      category,
                                      {x, y, object.box.x2 - x, object.box.y2 - y},
                                      object.score});
        }
    }
    return detections;
}

struct figure {
    const char* key;
    double value;
    const char* meaning;
};

std::vector<figure> figures_of(const coco_figures& f, double voc_points, double voc_area) {
    return {{"AP", f.ap, "IoU .50 to .95"},
            {"AP50", f.ap50, "IoU .50"},
            {"AP75", f.ap75, "IoU .75"},
            {"APs", f.ap_small, "small objects, below 32x32 pixels"},
            {"APm", f.ap_medium, "medium objects"},
            {"APl", f.ap_large, "large objects, above 96x96 pixels"},
            {"AR1", f.ar1, "recall with 1 detection an image and category"},
            {"AR10", f.ar10, "with 10"},
            {"AR100", f.ar100, "with 100"},
            {"ARs", f.ar_small, "with 100, small objects"},
            {"ARm", f.ar_medium, "medium objects"},
            {"ARl", f.ar_large, "large objects"},
            {"VOC_mAP_11_point", voc_points, "VOC2007, IoU .50"},
            {"VOC_mAP_area", voc_area, "VOC2010, IoU .50"}};
}

json category_json(const coco_dataset& data, const coco_result& coco, const voc_result& voc) {
    std::map<std::int64_t, std::string> names;
    for (const auto& category : data.categories)
        names[category.id] = category.name;
    std::map<std::int64_t, double> voc_ap;
    for (const voc_category& c : voc.categories)
        voc_ap[c.category_id] = c.ap;
    json list = json::array();
    for (const coco_category& c : coco.categories)
        if (c.ap >= 0)
            list.push_back({{"id", c.category_id},
                            {"name", names[c.category_id]},
                            {"AP", c.ap},
                            {"AP50", c.ap50},
                            {"AP75", c.ap75},
                            {"AR100", c.ar100},
                            {"VOC_AP_area", voc_ap[c.category_id]}});
    return list;
}

// COCO's corners are positions, so that VOC's rule of one more pixel does not apply; crowds excuse detections
// as VOC's difficult objects do.
voc_result voc_of(coco_dataset data, const std::vector<scored_box>& detections, voc_metric metric) {
    voc_settings settings;
    settings.metric = metric;
    settings.pixel = 0;
    for (annotated_box& object : data.annotations)
        object.difficult = object.difficult || object.is_crowd;
    return evaluate_voc(data.annotations, detections, settings);
}

void report(const evaluate_options& o, const coco_dataset& data, const std::vector<scored_box>& detections) {
    const coco_result coco = evaluate_coco(data.annotations, detections);
    const voc_result points = voc_of(data, detections, voc_metric::eleven_points);
    const voc_result area = voc_of(data, detections, voc_metric::area);
    json result = {{"images", data.images.size()},
                   {"objects", data.annotations.size()},
                   {"detections", detections.size()}};
    for (const figure& f : figures_of(coco.figures, points.map, area.map)) {
        result[f.key] = f.value;
        if (o.json != "-")
            std::printf("%-17s %8.5f  %s\n", f.key, f.value, f.meaning);
    }
    result["categories"] = category_json(data, coco, area);
    if (!o.json.empty())
        write_json(o.json, result);
}

std::vector<scored_box> detections_of(const evaluate_options& o, const coco_dataset& data) {
    if (!o.detections_in.empty())
        return examples::read_coco_detections(o.detections_in, data);
    const std::unique_ptr<engine> model = load_engine(o.model);
    model->use_evaluation_settings();
    std::vector<scored_box> detections = detect_all(*model, data, o);
    if (!o.detections_out.empty())
        examples::write_coco_detections(o.detections_out, detections);
    return detections;
}

void run_evaluate(const evaluate_options& o) {
    if (o.detections_in.empty()) {
        if (o.model.model.empty() || o.images.empty())
            refuse("evaluate", "needs MODEL and --images, or --detections-in");
        require_task(o.model, model_task::detection);
    }
    const coco_dataset data = examples::read_coco_annotations(o.annotations);
    report(o, data, detections_of(o, data));
}

} // namespace

void add_evaluate(CLI::App& app) {
    auto* command = app.add_subcommand("evaluate", "COCO's and VOC's figures over annotated photos");
    const auto o = std::make_shared<evaluate_options>();
    add_table_options(*command, o->model);
    add_weight_options(*command, o->model);
    command->get_option("MODEL")->required(false);
    command->add_option("--images", o->images, "Folder of the photos")->check(CLI::ExistingDirectory);
    command->add_option("--annotations", o->annotations, "COCO's instances_*.json")->required();
    command->add_option("--max-detections", o->max_detections, "The best detections of an image that count")
        ->check(integer_between(1, 100000))
        ->capture_default_str();
    command->add_option("--detections", o->detections_out, "Write the detections in COCO's results format");
    command
        ->add_option("--detections-in", o->detections_in,
                     "Evaluate this results file instead of running a model")
        ->excludes("--detections");
    command->add_option("--json", o->json, "Write the figures as JSON; - for standard output");
    command->callback([o] { run_evaluate(*o); });
}

} // namespace fovea::cli
