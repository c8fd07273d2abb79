#include "train_settings.hpp"

#include "photos.hpp"

#include <fovea/train/data/read_photo.hpp>

#include <array>

namespace fovea::cli {

namespace {

optimizer_kind optimizer_of(const std::string& name) {
    if (name == "rmsprop")
        return optimizer_kind::rmsprop;
    if (name == "adam")
        return optimizer_kind::adam;
    return name == "adamw" ? optimizer_kind::adamw : optimizer_kind::sgd;
}

// As each reference begins its own model.
struct reference_policy {
    using policy = initialization_policy;
    policy operator()(const tables::mobilenet_v2_table&) const { return policies::mobilenet; }
    policy operator()(const tables::mobilenet_v3_table&) const { return policies::mobilenet; }
    policy operator()(const tables::efficientnet_table&) const { return policies::efficientnet; }
    policy operator()(const tables::ssdlite_table&) const { return policies::ssdlite; }
    policy operator()(const tables::efficientdet_table& t) const {
        return t.names == tables::efficientdet_names::zylo117 ? policy(policies::zylo117) : policy(policies::effdet);
    }
};

initialization_policy policy_of(const std::string& name, const any_table& table) {
    if (name == "reference")
        return std::visit(reference_policy(), table);
    if (name == "mobilenet")
        return policies::mobilenet;
    if (name == "ssd300")
        return policies::ssd300;
    if (name == "efficientnet")
        return policies::efficientnet;
    return name == "torch_default" ? initialization_policy(policies::torch_default) : policies::ssdlite;
}

ssd_loss_settings ssd_loss_of(const train_recipe& r) {
    ssd_loss_settings loss;
    loss.class_loss = r.class_loss == "focal" ? ssd_class_loss::focal : ssd_class_loss::hard_negatives;
    if (r.box_loss == "giou")
        loss.box_loss = ssd_box_loss::giou;
    else if (r.box_loss == "diou")
        loss.box_loss = ssd_box_loss::diou;
    else if (r.box_loss == "ciou")
        loss.box_loss = ssd_box_loss::ciou;
    loss.alpha = r.alpha;
    loss.gamma = r.gamma;
    if (r.box_loss_weight >= 0)
        loss.box_weight = r.box_loss_weight;
    return loss;
}

efficientdet_loss_settings efficientdet_loss_of(const train_recipe& r) {
    efficientdet_loss_settings loss =
        r.loss == "zylo117" ? efficientdet_loss_settings::zylo117() : efficientdet_loss_settings::effdet();
    loss.alpha = r.alpha;
    loss.gamma = r.gamma;
    loss.label_smoothing = r.label_smoothing;
    loss.box_loss = r.box_loss == "huber"  ? efficientdet_box_loss::huber
                    : r.box_loss == "giou" ? efficientdet_box_loss::giou
                    : r.box_loss == "diou" ? efficientdet_box_loss::diou
                    : r.box_loss == "ciou" ? efficientdet_box_loss::ciou
                                           : efficientdet_box_loss::smooth_l1;
    const bool of_deltas = r.box_loss == "huber" || r.box_loss == "smooth_l1";
    loss.width = r.box_loss == "huber" ? r.delta : 1.0 / 9; // zylo117's beta
    if (r.box_loss_weight >= 0)
        loss.box_weight = r.box_loss_weight;
    else if (!of_deltas)
        loss.box_weight = 1; // google/automl's iou_loss_weight
    return loss;
}

parameter_grouping groups_of(const train_recipe& r) {
    parameter_grouping groups;
    groups.weight_decay = static_cast<float>(r.weight_decay);
    if (r.norm_weight_decay >= 0)
        groups.norm_weight_decay = static_cast<float>(r.norm_weight_decay);
    if (r.bias_weight_decay >= 0)
        groups.bias_weight_decay = static_cast<float>(r.bias_weight_decay);
    groups.frozen = r.freeze;
    return groups;
}

std::string number_list(span<const double> numbers) {
    std::string text;
    for (double number : numbers)
        text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
}

// What options change of a table.
struct table_settings {
    std::map<std::string, std::string>& s;

    void operator()(const tables::mobilenet_v2_table& t) const { s["--width-mult"] = std::to_string(t.width_mult); }
    void operator()(const tables::mobilenet_v3_table& t) const {
        s["--width-mult"] = std::to_string(t.width_mult);
        s["--reduced-tail"] = t.reduced_tail ? "yes" : "no";
        s["--dilated"] = t.dilated ? "yes" : "no";
    }
    void operator()(const tables::efficientnet_table& t) const {
        s["--width-mult"] = std::to_string(t.width_mult);
        s["--depth-mult"] = std::to_string(t.depth_mult);
    }
    void operator()(const tables::ssdlite_table& t) const {
        (*this)(t.backbone);
        s["--scales"] = number_list({t.boxes.scales.begin(), t.boxes.scales.size()});
    }
    void operator()(const tables::efficientdet_table& t) const {
        (*this)(t.backbone);
        s["--cells"] = std::to_string(t.cells);
        s["--anchor-scale"] = std::to_string(t.anchors.anchor_scale);
        for (const anchor_ratio& r : t.anchors.ratios)
            s["--ratios"] += (s["--ratios"].empty() ? "" : ",") + std::to_string(r.width) + "x" + std::to_string(r.height);
    }
};

std::array<int, 2> input_size_of(const any_table& table) {
    return std::visit(
        [](const auto& t) -> std::array<int, 2> {
            using table_type = std::decay_t<decltype(t)>;
            if constexpr (std::is_same_v<table_type, tables::ssdlite_table> ||
                          std::is_same_v<table_type, tables::efficientdet_table>)
                return {t.backbone.height, t.backbone.width};
            else
                return {t.height, t.width};
        },
        table);
}

} // namespace

train_choice engine_choice(const train_options& o, const train_recipe& r, const any_table& table) {
    train_choice c;
    c.table = table;
    c.batch = r.batch_size;
    c.threads = o.threads;
    c.recomputes = o.recompute;
    c.seed = static_cast<std::uint64_t>(r.seed);
    c.policy = policy_of(r.init, table);
    c.frozen_statistics = r.freeze_norms;
    c.groups = groups_of(r);
    c.optimizer = optimizer_of(r.opt);
    c.momentum = r.momentum;
    c.nesterov = r.opt == "sgd_nesterov";
    c.ssd = ssd_loss_of(r);
    c.efficientdet = efficientdet_loss_of(r);
    c.label_smoothing = r.label_smoothing;
    c.clip_norm = r.clip_norm;
    c.accumulation = r.accumulate;
    c.ema_decay = r.ema;
    return c;
}

train_loader_choice loader_choice(const train_options& o, const train_recipe& r, const preset& input) {
    train_loader_choice c;
    c.loading.batches.batch = static_cast<std::size_t>(r.batch_size);
    c.loading.batches.drop_last = true; // as torchvision's script
    c.loading.batches.aspect_groups = r.aspect_ratio_group_factor;
    c.loading.skip_unreadable = o.data.skip_unreadable;
    c.loading.cache_bytes = static_cast<std::size_t>(o.cache_mb) << 20U;
    c.loading.workers = static_cast<std::size_t>(o.workers);
    c.loading.ahead = c.loading.workers + 1;
    c.input = input;
    c.seed = static_cast<std::uint64_t>(r.seed);
    c.read = read_photo;
    return c;
}

detection_source source_of(const train_data& data, const train_recipe& r) {
    return {&data.train, detection_augmentation_named(r.data_augmentation)};
}
classification_source source_of(const classification_data& data, const train_recipe& r) {
    classification_augmentation a;
    if (r.data_augmentation == "imagenet")
        a = classification_training_augmentation(0.5, r.random_erase);
    else if (r.data_augmentation == "hflip")
        a.horizontal_flip = 0.5;
    else if (r.data_augmentation != "none")
        throw input_error("--data-augmentation: expected imagenet, hflip or none for a classifier, found " +
                          r.data_augmentation);
    if (r.random_erase > 0)
        a.erasing.emplace().probability = r.random_erase;
    return {&data.train, a};
}

std::map<std::string, std::string> table_settings_of(const any_table& table) {
    std::map<std::string, std::string> s;
    std::visit(table_settings{s}, table);
    const auto [height, width] = input_size_of(table);
    s["--input-size"] = std::to_string(height) + "x" + std::to_string(width);
    return s;
}

} // namespace fovea::cli
