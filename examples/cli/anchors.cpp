// fovea anchors: EfficientDet's anchors fitted to the boxes of a data set, as options and as a table to
// paste.
#include "commands.hpp"
#include "train_options.hpp"
#include "validators.hpp"

#include <fovea/preprocess/geometry.hpp>
#include <fovea/train/fit_anchors.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>
#include <memory>

namespace fovea::cli {

namespace {

struct anchors_options {
    model_options model;
    data_options data;
    int seed = 1;
};

// Sizes of all boxes in pixels of the network's input.
std::vector<box_shape> shapes_in_input(const detection_dataset& data, const preset& input) {
    std::vector<box_shape> shapes;
    for (const detection_sample& sample : data.samples) {
        const placement where = placement_of(input, sample.size);
        for (const labeled_box& o : sample.objects)
            if (!o.crowd)
                shapes.push_back({(o.corners.x2 - o.corners.x1) / where.ratio_x,
                                  (o.corners.y2 - o.corners.y1) / where.ratio_y});
    }
    return shapes;
}

void run_anchors(const anchors_options& o) {
    const model_choice choice = choose(o.model);
    const auto* table = std::get_if<tables::efficientdet_table>(&choice.table);
    if (table == nullptr)
        refuse("MODEL", o.model.model + " has no anchors to fit; EfficientDet has");
    const detection_dataset data = read_train_data(o.data).train;
    const preset input = letterbox_preset(static_cast<std::size_t>(table->backbone.height),
                                          static_cast<std::size_t>(table->backbone.width));
    const std::vector<box_shape> boxes = shapes_in_input(data, input);
    anchor_fit_settings settings;
    settings.seed = static_cast<std::uint64_t>(o.seed);
    const efficientdet_anchor_table fitted = fit_efficientdet_anchors(table->anchors, boxes, settings);
    std::printf("%zu boxes of %zu photos; mean IoU with the nearest anchor %.4f, fitted %.4f\n", boxes.size(),
                data.samples.size(), mean_shape_iou(shapes_of(table->anchors), boxes),
                mean_shape_iou(shapes_of(fitted), boxes));
    std::printf("--anchor-scale %g --ratios ", fitted.anchor_scale);
    for (std::size_t i = 0; i < fitted.ratios.size(); ++i)
        std::printf("%s%gx%g", i == 0 ? "" : ",", fitted.ratios[i].width, fitted.ratios[i].height);
    std::printf("\n%s", to_source(fitted).c_str());
}

} // namespace

void add_anchors(CLI::App& app) {
    auto* command = app.add_subcommand("anchors", "Fits EfficientDet's anchors to the boxes of photos");
    const auto o = std::make_shared<anchors_options>();
    add_table_options(*command, o->model);
    for (const char* name : {"--num-classes", "--resize", "--features-only"})
        command->remove_option(command->get_option(name));
    add_data_options(*command, o->data);
    for (const char* name : {"--val", "--val-images", "--val-split", "--skip-unreadable"})
        command->remove_option(command->get_option(name));
    command->add_option("--seed", o->seed, "Of the first shapes that are tried")->capture_default_str();
    command->callback([o] { run_anchors(*o); });
}

} // namespace fovea::cli
