// fovea train: a detector from photos with boxes, a classifier from a folder of photos for each class.
#include "chosen_recipe.hpp"
#include "commands.hpp"
#include "model_classes.hpp"
#include "photos.hpp"
#include "train_options.hpp"
#include "train_run.hpp"
#include "train_settings.hpp"

#include <fovea/graph/params.hpp>
#include <fovea/io/weights.hpp>
#include <fovea/models/efficientdet_names.hpp>
#include <fovea/models/efficientnet_names.hpp>

#include <CLI/CLI.hpp>

#include <cstdio>

namespace fovea::cli {

namespace {

// What differs between detectors and classifiers, by their data.
log_kind kind_of(const train_data&) noexcept {
    return log_kind::detection;
}
log_kind kind_of(const classification_data&) noexcept {
    return log_kind::classification;
}

std::unique_ptr<validation> validation_of(const train_data& data, const model_choice& choice, int threads) {
    return std::make_unique<detection_validation>(choice, data.val, threads);
}
std::unique_ptr<validation> validation_of(const classification_data& data, const model_choice& choice,
                                          int threads) {
    return std::make_unique<classification_validation>(choice, data.val, threads);
}

std::string list_text(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words)
        text += (text.empty() ? "" : ", ") + word;
    return text;
}

// What must be the same again when the run is resumed.
template <class Data>
std::map<std::string, std::string> settings_of(const train_options& o, const train_recipe& recipe,
                                               const any_table& table, const Data& data) {
    std::map<std::string, std::string> s = settings_of(recipe);
    s["MODEL"] = o.model.model;
    s["--backbone"] = o.model.backbone;
    s["--cell"] = o.model.cell;
    s.merge(table_settings_of(table));
    s["--weights"] = std::filesystem::path(o.model.weights).filename().string();
    s["--skip-heads"] = o.model.skip_heads ? "yes" : "no";
    s["classes"] = list_text(data.train.classes);
    s["photos of --train"] = fingerprint(data.train);
    s["photos of --val"] = fingerprint(data.val);
    return s;
}

// EfficientNet's and EfficientDet's weights may have other names than the table.
state_dict in_names_of(const any_table& table, const state_dict& weights) {
    if (const auto* detector = std::get_if<tables::efficientdet_table>(&table))
        return with_names_of(*detector, weights);
    const auto* classifier = std::get_if<tables::efficientnet_table>(&table);
    return classifier != nullptr ? with_names_of(*classifier, weights) : weights;
}

void load_weights(train_engine& engine, const any_table& table, const model_options& o,
                  const load_options& options) {
    if (o.weights.empty())
        return;
    try {
        engine.load(in_names_of(table, read_weights(o.weights)), options);
    } catch (const weights_error& e) {
        throw weights_error(o.weights + ": " + e.what() +
                            (o.skip_heads ? "" : "\nfor other classes or boxes use --skip-heads"));
    }
}

template <class Data>
void print_beginning(const train_options& o, const train_recipe& r, const Data& data,
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
        std::printf("%zu issues of photos: see issues.txt\n", data.issues.size());
    std::fflush(stdout);
}

// Where a run begins: refuses to write over another one.
void prepare_folder(const train_folder& folder, const train_options& o,
                    const std::vector<data_issue>& issues) {
    if (folder.checkpoints().has_any() && !o.resume) {
        if (!o.overwrite)
            throw input_error(
                folder.path().string() +
                ": another run has been here; --resume goes on with it, --overwrite begins anew");
        folder.clear();
    }
    folder.tidy();
    folder.write_labels();
    folder.write_issues(issues);
}

// From data to the end of the run: the signal that ended it, or 0.
template <class Data>
int train_on(const Data& data, train_options o, const train_recipe& recipe, const any_table& named) {
    const std::vector<std::string>& labels = data.train.classes;
    const int hidden = labels_without_class(named);
    o.model.num_classes = static_cast<int>(labels.size()) - hidden;
    model_choice choice = choose(o.model);
    const load_options beginning = choice.load;
    choice.load = {};
    choice.load.labels.assign(labels.begin() + hidden, labels.end());

    const auto engine = make_train_engine(engine_choice(o, recipe, choice.table));
    train_loader_choice loading = loader_choice(o, recipe, engine->input());
    loading.source = source_of(data, recipe);
    const auto loader = make_train_loader(loading);
    train_schedule schedule(recipe, loader->batches_per_epoch());
    const auto evaluation = validation_of(data, choice, o.threads);
    const train_folder folder(o.output_dir, labels);
    prepare_folder(folder, o, data.issues);
    print_beginning(o, recipe, data, *engine, schedule.steps());

    train_parts parts{*engine,
                      *loader,
                      schedule,
                      folder,
                      data.val.samples.empty() ? nullptr : evaluation.get(),
                      data.issues,
                      {},
                      kind_of(data),
                      settings_of(o, recipe, choice.table, data)};
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
        load_weights(*engine, choice.table, o.model, beginning);
    return run();
}

int run_train(const CLI::App& command, const train_options& o) {
    const model_choice choice = choose(o.model);
    const train_recipe recipe = recipe_of(command, o, choice.table);
    if (choice.what == model_task::detection)
        return train_on(read_train_data(o.data), o, recipe, choice.table);
    return train_on(read_classification_data(o.data), o, recipe, choice.table);
}

} // namespace

void add_train(CLI::App& app) {
    auto* command = app.add_subcommand(
        "train", "Trains a detector on photos with boxes, a classifier on folders of photos");
    const auto o = std::make_shared<train_options>();
    add_train_options(*command, *o);
    command->callback([o, command] {
        if (const int signal = run_train(*command, *o); signal != 0)
            throw CLI::RuntimeError(128 + signal); // as a shell reports it
    });
}

} // namespace fovea::cli
