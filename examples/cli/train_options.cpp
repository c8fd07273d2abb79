#include "train_options.hpp"

#include "recipes.hpp"
#include "validators.hpp"

#include <fovea/error.hpp>

#include <thread>

namespace fovea::cli {

namespace {

// Tries a value on a recipe, so that a wrong one is an error of the call.
void change_recipe(train_options& o, const recipe_field& field, const std::string& text) {
    try {
        train_recipe scratch;
        set_field(scratch, field, text);
    } catch (const error& e) {
        refuse(field.option, e.what());
    }
    o.changes.emplace_back(&field, text);
}

std::string type_name_of(const recipe_field& field) {
    constexpr const char* names[] = {"INT", "FLOAT", "", "", "INT,...", "PREFIX"};
    if (field.choices == nullptr)
        return names[field.value.index()];
    std::string text = field.choices;
    for (char& c : text)
        c = c == ' ' ? '|' : c;
    return text;
}

void add_recipe_option(CLI::App& command, train_options& o, const recipe_field& field) {
    const char* group = "The recipe";
    if (std::holds_alternative<bool train_recipe::*>(field.value)) {
        command
            .add_flag_callback(
                field.option, [&o, &field] { change_recipe(o, field, "yes"); }, field.help)
            ->group(group);
        return;
    }
    CLI::Option* option = command.add_option_function<std::vector<std::string>>(
        field.option,
        [&o, &field](const std::vector<std::string>& texts) {
            for (const std::string& text : texts)
                change_recipe(o, field, text);
        },
        field.help);
    const bool repeats = std::holds_alternative<std::vector<std::string> train_recipe::*>(field.value);
    option->group(group)
        ->type_name(type_name_of(field))
        ->expected(1)
        ->multi_option_policy(repeats ? CLI::MultiOptionPolicy::TakeAll : CLI::MultiOptionPolicy::TakeLast);
    if (!repeats)
        option->default_str(field_text(recipes()[0].settings, field));
}

// What each recipe sets, for the end of the help.
std::string recipe_table() {
    std::string table = "Recipes, and what they set beside the first one's values:";
    const train_recipe& first = recipes()[0].settings;
    for (const named_recipe& recipe : recipes()) {
        table += "\n  " + std::string(recipe.name) + ": " + std::string(recipe.what);
        for (const recipe_field& field : recipe_fields())
            if (const std::string text = field_text(recipe.settings, field);
                &recipe == recipes().data() ? false : text != field_text(first, field))
                table += "\n      " + std::string(field.option) + " " + text;
    }
    return table;
}

void add_source_options(CLI::App& command, data_source& source, const std::string& name, const char* what) {
    const char* group = "The photos";
    command
        .add_option("--" + name, source.path,
                    std::string(what) +
                        ": a folder as VOC has it, or COCO's instances_*.json; classifiers: a folder with "
                        "a folder for each class")
        ->check(CLI::ExistingPath)
        ->group(group);
    command.add_option("--" + name + "-images", source.images, "Folder of the photos of a COCO file")
        ->check(CLI::ExistingDirectory)
        ->group(group);
    command
        .add_option("--" + name + "-split", source.splits,
                    "VOC: a file in ImageSets/Main; several with + between")
        ->delimiter('+')
        ->allow_extra_args(false)
        ->capture_default_str()
        ->group(group);
}

void add_start_options(CLI::App& command, model_options& o) {
    const char* group = "The beginning";
    command.add_option("--weights", o.weights, "Begin with these weights, a .pth or .safetensors file")
        ->check(CLI::ExistingFile)
        ->group(group);
    command
        .add_flag("--skip-heads", o.skip_heads, "Last layers of the heads begin anew: other classes or boxes")
        ->group(group);
    command.add_option("--rename", o.rename, "Replace the beginning of keys: from=to")
        ->take_all()
        ->group(group);
}

void add_run_options(CLI::App& command, train_options& o) {
    const char* group = "The run";
    const auto count = [&](const char* name, int& value, int least, const char* help) {
        command.add_option(name, value, help)
            ->check(integer_between(least, 1000000))
            ->capture_default_str()
            ->group(group);
    };
    command.add_option("--output-dir", o.output_dir, "Folder for everything that is written")
        ->required()
        ->group(group);
    CLI::Option* resume =
        command.add_flag("--resume", o.resume, "Go on with the run in --output-dir")->group(group);
    command.add_flag("--overwrite", o.overwrite, "Begin anew where another run has been")
        ->excludes(resume)
        ->group(group);
    count("--eval-every", o.eval_every, 0, "Epochs between evaluations; 0: at the end only");
    count("--checkpoint-every", o.checkpoint_every, 0, "Steps between checkpoints; 0: at ends of epochs");
    count("--log-every", o.log_every, 1, "Steps a row of the log");
    command
        .add_flag("--keep-best,!--no-keep-best", o.keep_best,
                  "Write best.safetensors at the best AP (the default)")
        ->group(group);
    command.add_flag("--half", o.half, "Write the final weights in float16 as well")->group(group);
    o.threads = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
    count("--threads", o.threads, 1, "Threads of training");
    count("--workers", o.workers, 1, "Threads that prepare photos");
    count("--cache-mb", o.cache_mb, 0, "Memory for decoded photos");
    command.add_flag("--recompute", o.recompute, "Less memory, more time")->group(group);
}

} // namespace

void add_data_options(CLI::App& command, data_options& o) {
    const char* group = "The photos";
    o.train.splits = {"train"};
    o.val.splits = {"val"};
    add_source_options(command, o.train, "train", "Photos to learn from");
    add_source_options(command, o.val, "val", "Photos to evaluate on");
    command.get_option("--train")->required();
    command
        .add_option("--labels", o.labels, "File with the classes, one a line; else those of the annotations")
        ->check(CLI::ExistingFile)
        ->group(group);
    command.add_flag("--one-based", o.one_based, "VOC: the first pixel is 1, as in VOC's own files")
        ->group(group);
    command
        .add_flag("--category-ids", o.category_ids,
                  "COCO: labels are the ids of the categories, as torchvision's")
        ->group(group);
    command
        .add_flag("--skip-unreadable", o.skip_unreadable,
                  "Leave out photos that cannot be read, and report them")
        ->group(group);
}

void add_train_options(CLI::App& command, train_options& o) {
    add_table_options(command, o.model);
    for (const char* name : {"--num-classes", "--features-only"})
        command.remove_option(command.get_option(name));
    add_data_options(command, o.data);
    command
        .add_option("--recipe", o.recipe,
                    "What sets all that follows (see below); without it the model's own")
        ->check(CLI::Validator(
            [](const std::string& name) {
                try {
                    recipe_named(name);
                    return std::string();
                } catch (const error& e) {
                    return std::string(e.what());
                }
            },
            ""))
        ->group("The recipe");
    for (const recipe_field& field : recipe_fields())
        add_recipe_option(command, o, field);
    command.get_option("--steps")->excludes("--epochs");
    add_start_options(command, o.model);
    add_run_options(command, o);
    command.footer(recipe_table());
}

} // namespace fovea::cli
