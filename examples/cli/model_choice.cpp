#include "model_choice.hpp"

#include "validators.hpp"

#include <fovea/io/file.hpp>
#include <fovea/io/labels.hpp>

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace fovea::cli {

namespace {

[[noreturn]] void refuse(const char* option, const std::string& why) {
    throw CLI::ValidationError(option, why);
}

void refuse_v3_options(const model_options& o) {
    if (o.reduced_tail)
        refuse("--reduced-tail", o.model + " has no tail to reduce");
    if (o.dilated)
        refuse("--dilated", o.model + " has no dilated form");
}

void refuse_depth(const model_options& o) {
    if (o.depth_mult)
        refuse("--depth-mult", "is for EfficientNet");
}

void refuse_cells(const model_options& o) {
    for (const auto& [option, given] :
         {std::pair("--cells", o.cells.has_value()), std::pair("--cell", !o.cell.empty())})
        if (given)
            refuse(option, "is for EfficientDet");
}

// Changes that classification tables share.
template <class Table>
Table with_classifier_options(Table t, const model_options& o) {
    refuse_cells(o);
    if (!o.backbone.empty())
        refuse("--backbone", o.model + " is no detector");
    if (!o.scales.empty())
        refuse("--scales", o.model + " is no detector");
    if (o.width_mult)
        t = t.with_width(*o.width_mult);
    if (o.num_classes)
        t = t.with_classes(*o.num_classes);
    if (o.input_size)
        t = t.with_input((*o.input_size)[0], (*o.input_size)[1]);
    if (o.resize)
        t = t.with_resize(*o.resize);
    return o.features_only ? t.without_classifier() : t;
}

tables::mobilenet_v3_table with_shape_options(tables::mobilenet_v3_table t, const model_options& o) {
    if (o.reduced_tail)
        t = t.with_reduced_tail(*o.reduced_tail);
    return t.with_dilation(t.dilated || o.dilated);
}

tables::mobilenet_v2_table variant_of(const tables::mobilenet_v2_table& t, const model_options& o) {
    refuse_v3_options(o);
    refuse_depth(o);
    return with_classifier_options(t, o);
}

tables::efficientnet_table variant_of(const tables::efficientnet_table& t, const model_options& o) {
    refuse_v3_options(o);
    const auto variant = with_classifier_options(t, o);
    return o.depth_mult ? variant.with_depth(*o.depth_mult) : variant;
}

tables::mobilenet_v3_table variant_of(const tables::mobilenet_v3_table& t, const model_options& o) {
    refuse_depth(o);
    return with_shape_options(with_classifier_options(t, o), o);
}

// Another backbone's rows; the rest of the backbone stays as the detector has it.
tables::mobilenet_v3_table with_rows_of(const tables::mobilenet_v3_table& backbone, const std::string& name) {
    const auto& from = name == "mobilenet_v3_small" ? tables::mobilenet_v3_small : tables::mobilenet_v3_large;
    return backbone.with_rows(from.rows, from.last_channel);
}

tables::ssdlite_table with_scales(const tables::ssdlite_table& t, const std::vector<double>& scales) {
    if (scales.size() != t.boxes.scales.size())
        refuse("--scales", "expected " + std::to_string(t.boxes.scales.size()) + " numbers, found " +
                               std::to_string(scales.size()));
    fixed_list<double, max_box_levels + 1> list;
    for (double scale : scales)
        list.push_back(scale);
    return t.with_scales(list);
}

void refuse_classifier_options(const model_options& o) {
    if (o.features_only)
        refuse("--features-only", "is for classifiers");
    if (o.resize)
        refuse("--resize", "detectors fit photos to --input-size");
}

tables::cell_rule cell_of(const std::string& name) {
    return name == "fpn" ? tables::fpn_cell : name == "panet" ? tables::panet_cell : tables::bifpn_cell;
}

efficientdet_anchor_table anchors_of(efficientdet_anchor_table anchors, const model_options& o) {
    if (o.anchor_scale)
        anchors.anchor_scale = *o.anchor_scale;
    if (!o.ratios.empty())
        anchors.ratios = {};
    for (const auto& [width, height] : o.ratios)
        anchors.ratios.push_back({width, height});
    return anchors;
}

tables::efficientdet_table variant_of(tables::efficientdet_table t, const model_options& o) {
    refuse_classifier_options(o);
    refuse_v3_options(o);
    if (!o.backbone.empty())
        refuse("--backbone", "is for SSDLite");
    if (!o.scales.empty())
        refuse("--scales", "is for SSDLite");
    if (o.width_mult)
        t = t.with_backbone(t.backbone.with_width(*o.width_mult));
    if (o.depth_mult)
        t = t.with_backbone(t.backbone.with_depth(*o.depth_mult));
    if (o.cells)
        t = t.with_cells(*o.cells);
    if (!o.cell.empty())
        t = t.with_cell(cell_of(o.cell), t.fusion);
    t = t.with_anchors(anchors_of(t.anchors, o));
    if (o.input_size)
        t = t.with_input((*o.input_size)[0], (*o.input_size)[1]);
    return o.num_classes ? t.with_classes(*o.num_classes) : t;
}

tables::ssdlite_table variant_of(tables::ssdlite_table t, const model_options& o) {
    refuse_classifier_options(o);
    refuse_depth(o);
    refuse_cells(o);
    auto backbone = o.backbone.empty() ? t.backbone : with_rows_of(t.backbone, o.backbone);
    if (o.width_mult)
        backbone = backbone.with_width(*o.width_mult);
    t = t.with_backbone(with_shape_options(backbone, o));
    if (o.input_size)
        t = t.with_input((*o.input_size)[0], (*o.input_size)[1]);
    if (!o.scales.empty())
        t = with_scales(t, o.scales);
    return o.num_classes ? t.with_classes(*o.num_classes) : t;
}

int classes_of(const any_table& table) {
    return std::visit([](const auto& t) { return t.num_classes; }, table);
}

// Labels of a detector begin with the background. SSD has a class for it, EfficientDet has none.
int labels_without_class(const any_table& table) {
    return std::holds_alternative<tables::efficientdet_table>(table) ? 1 : 0;
}

std::vector<std::string> read_lines(const std::string& path) {
    const file_bytes bytes = read_file(path);
    std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::vector<std::string> lines;
    for (std::string line; std::getline(text, line); lines.push_back(line))
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
    while (!lines.empty() && lines.back().empty())
        lines.pop_back();
    return lines;
}

// Names by label from a file, one a line. A detector's background may be left out. Sets the number of
// classes.
std::vector<std::string> read_labels(const model_options& o, model_choice& choice) {
    std::vector<std::string> labels = read_lines(o.labels);
    const bool has_background =
        !labels.empty() && (labels[0] == "__background__" || labels[0] == "background");
    if (choice.what == model_task::detection && !has_background)
        labels.insert(labels.begin(), "__background__");
    const int classes = static_cast<int>(labels.size()) - labels_without_class(choice.table);
    if (classes < 1)
        throw format_error(o.labels + ": expected one class name a line, found none");
    if (o.num_classes && *o.num_classes != classes)
        throw format_error(o.labels + ": expected names for " + std::to_string(*o.num_classes) +
                           " classes, found " + std::to_string(classes));
    std::visit([classes](auto& t) { t = t.with_classes(classes); }, choice.table);
    return labels;
}

// What load_options takes: names by class.
std::vector<std::string> by_class(std::vector<std::string> labels, const any_table& table) {
    if (!labels.empty())
        labels.erase(labels.begin(), labels.begin() + labels_without_class(table));
    return labels;
}

// The class that `text` means: a name that occurs once, or a number.
int class_index(const std::string& text, const std::vector<std::string>& labels) {
    const auto found = std::find(labels.begin(), labels.end(), text);
    if (found != labels.end()) {
        const auto again = std::find(found + 1, labels.end(), text);
        if (again != labels.end())
            refuse("--classes", "'" + text + "' names classes " + std::to_string(found - labels.begin()) +
                                    " and " + std::to_string(again - labels.begin()) + "; give a number");
        return static_cast<int>(found - labels.begin());
    }
    const bool is_number = !text.empty() && text.size() < 7 &&
                           std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
    const int index = is_number ? std::stoi(text) : -1;
    if (index < 0 || static_cast<std::size_t>(index) >= labels.size())
        refuse("--classes",
               "'" + text + "' is none of the checkpoint's " + std::to_string(labels.size()) + " classes");
    return index;
}

// Keeps the chosen classes of the checkpoint, for SSD the background as well.
void take_classes(const model_options& o, model_choice& choice, std::vector<std::string> labels) {
    const int first = labels_without_class(choice.table);
    if (labels.empty())
        labels = default_labels(static_cast<std::size_t>(classes_of(choice.table) + first));
    std::vector<int> taken; // labels
    if (choice.what == model_task::detection)
        taken.push_back(0);
    for (const std::string& text : o.classes) {
        const int index = class_index(text, labels);
        if (std::find(taken.begin(), taken.end(), index) != taken.end())
            refuse("--classes", "'" + text + "' is there twice or is the background");
        taken.push_back(index);
    }
    taken.erase(taken.begin(), taken.begin() + first);
    for (int index : taken) {
        choice.load.classes.push_back(index - first);
        choice.load.labels.push_back(labels[static_cast<std::size_t>(index)]);
    }
    const int count = static_cast<int>(taken.size());
    std::visit([count](auto& t) { t = t.with_classes(count); }, choice.table);
}

// `own`: the model's names of its classes; none where a published list has them.
void choose_classes(const model_options& o, span<const std::string_view> own, model_choice& choice) {
    std::vector<std::string> labels;
    if (!o.num_classes)
        labels.assign(own.begin(), own.end());
    if (!o.labels.empty())
        labels = read_labels(o, choice);
    if (o.classes.empty())
        choice.load.labels = by_class(std::move(labels), choice.table);
    else
        take_classes(o, choice, std::move(labels));
}

} // namespace

void add_table_options(CLI::App& command, model_options& o) {
    command.add_option("MODEL", o.model, "A model that `fovea list` names")->required()->check(known_model());
    const char* group = "The model's table";
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
        .add_option("--anchor-scale", o.anchor_scale, "EfficientDet: the smallest anchor's side in cells of its level")
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

model_choice choose(const model_options& o) {
    model_choice choice;
    span<const std::string_view> own_labels;
    boost::hana::for_each(zoo, [&](const auto& entry) {
        if (entry.name != o.model)
            return;
        choice = {o.model, entry.what, entry.weights, variant_of(entry.table, o), {}};
        own_labels = entry.labels;
    });
    choose_classes(o, own_labels, choice);
    choice.load.skip_heads = o.skip_heads;
    choice.load.ignore_unexpected = o.features_only;
    for (const std::string& text : o.rename) {
        const std::size_t equals = text.find('=');
        if (equals == std::string::npos)
            refuse("--rename", "expected from=to, found '" + text + "'");
        choice.load.rename.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return choice;
}

} // namespace fovea::cli
