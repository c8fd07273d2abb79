// fovea train: a detector from photos with boxes.
#include "commands.hpp"
#include "photos.hpp"
#include "train_options.hpp"
#include "train_run.hpp"

#include <fovea/graph/params.hpp>
#include <fovea/io/weights.hpp>
#include <fovea/train/data/read_photo.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace fovea::cli {

namespace {

optimizer_kind optimizer_of(const std::string& name) {
    if (name == "rmsprop")
        return optimizer_kind::rmsprop;
    if (name == "adam")
        return optimizer_kind::adam;
    return name == "adamw" ? optimizer_kind::adamw : optimizer_kind::sgd;
}

initialization_policy policy_of(const std::string& name) {
    if (name == "mobilenet")
        return policies::mobilenet;
    if (name == "ssd300")
        return policies::ssd300;
    if (name == "efficientnet")
        return policies::efficientnet;
    return name == "torch_default" ? initialization_policy(policies::torch_default) : policies::ssdlite;
}

ssd_loss_settings loss_of(const train_recipe& r) {
    ssd_loss_settings loss;
    loss.class_loss = r.class_loss == "focal" ? ssd_class_loss::focal : ssd_class_loss::hard_negatives;
    if (r.box_loss == "giou")
        loss.box_loss = ssd_box_loss::giou;
    else if (r.box_loss == "diou")
        loss.box_loss = ssd_box_loss::diou;
    else if (r.box_loss == "ciou")
        loss.box_loss = ssd_box_loss::ciou;
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

train_choice engine_choice(const train_options& o, const train_recipe& r,
                           const tables::ssdlite_table& table) {
    train_choice c;
    c.table = table;
    c.batch = r.batch_size;
    c.threads = o.threads;
    c.recomputes = o.recompute;
    c.seed = static_cast<std::uint64_t>(r.seed);
    c.policy = policy_of(r.init);
    c.frozen_statistics = r.freeze_norms;
    c.groups = groups_of(r);
    c.optimizer = optimizer_of(r.opt);
    c.momentum = r.momentum;
    c.nesterov = r.opt == "sgd_nesterov";
    c.loss = loss_of(r);
    c.clip_norm = r.clip_norm;
    c.accumulation = r.accumulate;
    c.ema_decay = r.ema;
    return c;
}

train_loader_choice loader_choice(const train_options& o, const train_recipe& r,
                                  const detection_dataset& data, const preset& input) {
    train_loader_choice c;
    c.data = &data;
    c.loading.batches.batch = static_cast<std::size_t>(r.batch_size);
    c.loading.batches.drop_last = true; // as torchvision's script
    c.loading.batches.aspect_groups = r.aspect_ratio_group_factor;
    c.loading.skip_unreadable = o.data.skip_unreadable;
    c.loading.cache_bytes = static_cast<std::size_t>(o.cache_mb) << 20U;
    c.loading.workers = static_cast<std::size_t>(o.workers);
    c.loading.ahead = c.loading.workers + 1;
    c.augmentation = detection_augmentation_named(r.data_augmentation);
    c.input = input;
    c.seed = static_cast<std::uint64_t>(r.seed);
    c.read = read_photo;
    return c;
}

std::string list_text(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// What must be the same again when the run is resumed.
std::map<std::string, std::string> settings_of(const train_options& o, const train_recipe& recipe,
                                               const tables::ssdlite_table& table, const train_data& data) {
    std::map<std::string, std::string> s = settings_of(recipe);
    s["MODEL"] = o.model.model;
    s["--backbone"] = o.model.backbone;
    s["--width-mult"] = std::to_string(table.backbone.width_mult);
    s["--reduced-tail"] = table.backbone.reduced_tail ? "yes" : "no";
    s["--dilated"] = table.backbone.dilated ? "yes" : "no";
    s["--input-size"] = std::to_string(table.backbone.height) + "x" + std::to_string(table.backbone.width);
    for (double scale : table.boxes.scales)
        s["--scales"] += (s["--scales"].empty() ? "" : ",") + std::to_string(scale);
    s["--weights"] = std::filesystem::path(o.model.weights).filename().string();
    s["--skip-heads"] = o.model.skip_heads ? "yes" : "no";
    s["classes"] = list_text(data.train.classes);
    s["photos of --train"] = fingerprint(data.train);
    s["photos of --val"] = fingerprint(data.val);
    return s;
}

void load_weights(train_engine& engine, const model_options& o, const load_options& options) {
    if (o.weights.empty())
        return;
    try {
        engine.load(read_weights(o.weights), options);
    } catch (const weights_error& e) {
        throw weights_error(o.weights + ": " + e.what() +
                            (o.skip_heads ? "" : "\nfor other classes or boxes use --skip-heads"));
    }
}

void print_beginning(const train_options& o, const train_recipe& r, const train_data& data,
                     const train_engine& engine, std::uint64_t steps) {
    std::printf("%s: %lld parameters, classes %s\n", o.model.model.c_str(),
                static_cast<long long>(count_parameters(engine.graph())),
                list_text(data.train.classes).c_str());
    std::printf(
        "%zu photos to learn from, %zu to evaluate; %llu steps of %d photos; %d threads (%s), %.0f MB\n",
        data.train.samples.size(), data.val.samples.size(), static_cast<unsigned long long>(steps),
        r.batch_size, o.threads, make_train_engine.arch(),
        static_cast<double>(engine.workspace_bytes()) / 1e6);
    if (!data.issues.empty())
        std::printf("%zu boxes or photos with issues: see issues.txt\n", data.issues.size());
    std::fflush(stdout);
}

// Where a run begins: refuses to write over another one.
void prepare_folder(const train_folder& folder, const train_options& o, const train_data& data) {
    if (folder.checkpoints().has_any() && !o.resume) {
        if (!o.overwrite)
            throw input_error(
                folder.path().string() +
                ": another run has been here; --resume goes on with it, --overwrite begins anew");
        folder.clear();
    }
    folder.tidy();
    folder.write_labels();
    folder.write_issues(data.issues);
}

int run_train(train_options o) {
    const train_recipe recipe = recipe_of(o);
    const train_data data = read_train_data(o.data);
    o.model.num_classes = static_cast<int>(data.train.classes.size());
    model_choice choice = choose(o.model);
    choice.load.labels = data.train.classes;
    const auto& table = std::get<tables::ssdlite_table>(choice.table);

    const auto engine = make_train_engine(engine_choice(o, recipe, table));
    const auto loader = make_train_loader(loader_choice(o, recipe, data.train, engine->input()));
    train_schedule schedule(recipe, loader->batches_per_epoch());
    const load_options beginning = choice.load;
    choice.load = {};
    choice.load.labels = data.train.classes;
    const validation evaluation(choice, data.val, o.threads);
    const train_folder folder(o.output_dir, data.train.classes);
    prepare_folder(folder, o, data);
    print_beginning(o, recipe, data, *engine, schedule.steps());

    train_parts parts{*engine,
                      *loader,
                      schedule,
                      folder,
                      data.val.samples.empty() ? nullptr : &evaluation,
                      data.issues,
                      {},
                      settings_of(o, recipe, table, data)};
    parts.rhythm.eval_every = static_cast<std::uint64_t>(o.eval_every);
    parts.rhythm.checkpoint_every = static_cast<std::uint64_t>(o.checkpoint_every);
    parts.rhythm.log_every = static_cast<std::uint64_t>(o.log_every);
    parts.rhythm.accumulate = static_cast<std::uint64_t>(recipe.accumulate);
    parts.rhythm.keep_best = o.keep_best;
    parts.rhythm.half = o.half;
    train_run run(parts);
    if (o.resume && folder.checkpoints().has_any())
        run.resume();
    else
        load_weights(*engine, o.model, beginning);
    return run();
}

} // namespace

void add_train(CLI::App& app) {
    auto* command = app.add_subcommand("train", "Trains a detector on photos with boxes");
    const auto o = std::make_shared<train_options>();
    add_train_options(*command, *o);
    command->callback([o] {
        require_task(o->model, model_task::detection);
        if (const int signal = run_train(*o); signal != 0)
            throw CLI::RuntimeError(128 + signal); // as a shell reports it
    });
}

} // namespace fovea::cli
