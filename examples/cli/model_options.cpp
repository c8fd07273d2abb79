#include "model_options.hpp"

#include "validators.hpp"

#include <fovea/detect/default_box_table.hpp>
#include <fovea/detect/efficientdet_anchors.hpp>

#include <CLI/CLI.hpp>

namespace fovea::cli {

namespace {

void add_backbone_options(CLI::App& command, model_options& o, const char* group) {
    command.add_option("--width-mult", o.width_mult, "Multiplies every layer's channels")
        ->check(number_between(0.01, 8))
        ->group(group);
    command
        .add_option("--depth-mult", o.depth_mult,
                    "EfficientNet, EfficientDet's as well: multiplies every stage's blocks")
        ->check(number_between(0.01, 8))
        ->group(group);
    command
        .add_flag_callback(
            "--reduced-tail", [&o] { o.reduced_tail = true; },
            "MobileNetV3: half the channels behind the last stride")
        ->group(group);
    command
        .add_flag_callback(
            "--full-tail", [&o] { o.reduced_tail = false; },
            "MobileNetV3: all channels (SSDLite halves them)")
        ->group(group)
        ->excludes("--reduced-tail");
    command.add_flag("--dilated", o.dilated, "MobileNetV3: dilation in place of the last stride")
        ->group(group);
}

void add_ends_options(CLI::App& command, model_options& o, const char* group) {
    command.add_option("--num-classes", o.num_classes, "Classes of the model, SSDLite's background included")
        ->check(integer_between(1, 100000))
        ->group(group);
    command
        .add_option_function<std::string>(
            "--input-size", [&o](const std::string& text) { o.input_size = parse_size(text); },
            "Input in pixels: HxW, or N for NxN")
        ->type_name("SIZE")
        ->group(group);
    command.add_option("--resize", o.resize, "Classifiers: shorter side before the crop, pixels")
        ->check(integer_between(1, 8192))
        ->group(group);
    command
        .add_flag("--features-only", o.features_only,
                  "Classifiers: the last map and its mean instead of logits")
        ->group(group);
}

void add_detector_options(CLI::App& command, model_options& o, const char* group) {
    command.add_option("--backbone", o.backbone, "SSDLite: the backbone's rows")
        ->check(CLI::IsMember({"mobilenet_v3_large", "mobilenet_v3_small"}))
        ->group(group);
    command.add_option("--cells", o.cells, "EfficientDet: cells of the feature pyramid")
        ->check(integer_between(1, 64))
        ->group(group);
    command.add_option("--cell", o.cell, "EfficientDet: what the cells are")
        ->check(CLI::IsMember({"bifpn", "fpn", "panet"}))
        ->group(group);
    command
        .add_option("--anchor-scale", o.anchor_scale,
                    "EfficientDet: the smallest anchor's side in cells of its level")
        ->check(number_between(0.01, 100))
        ->group(group);
    command
        .add_option_function<std::vector<std::string>>(
            "--ratios",
            [&o](const std::vector<std::string>& texts) {
                o.ratios.clear();
                for (const std::string& text : texts)
                    o.ratios.push_back(parse_ratio(text));
            },
            "EfficientDet: the anchors' shapes, widths and heights of area 1: 1x1,1.4x0.7,0.7x1.4")
        ->type_name("WxH,...")
        ->delimiter(',')
        ->expected(1, static_cast<int>(max_anchor_ratios))
        ->group(group);
    command.add_option("--scales", o.scales, "SSDLite: scales of default boxes, parts of the image's sides")
        ->delimiter(',')
        ->expected(1, static_cast<int>(max_box_levels) + 1)
        ->check(number_between(1e-4, 10))
        ->group(group);
}

} // namespace

void add_table_options(CLI::App& command, model_options& o) {
    const char* group = "The model's table";
    command.add_option("MODEL", o.model, "A model that `fovea list` names")->required()->check(known_model());
    add_backbone_options(command, o, group);
    add_ends_options(command, o, group);
    add_detector_options(command, o, group);
}

void add_weight_options(CLI::App& command, model_options& o) {
    const char* group = "The weights";
    command
        .add_option("--weights", o.weights,
                    "A .pth or .safetensors file; else FOVEA_WEIGHTS, else the published file")
        ->group(group);
    command
        .add_option("--classes", o.classes,
                    "Keep only these classes of the weights: names or numbers, separated by commas")
        ->delimiter(',')
        ->group(group);
    command.add_option("--labels", o.labels, "File with the names of the classes, one a line")->group(group);
    command.add_flag("--skip-heads", o.skip_heads, "Zeros for the layers with one output a class")
        ->group(group);
    command.add_option("--rename", o.rename, "Replace the beginning of keys: from=to")
        ->take_all()
        ->group(group);
    command.add_option("--threads", o.threads, "Threads of a forward pass")
        ->check(integer_between(1, 256))
        ->capture_default_str();
}

} // namespace fovea::cli
