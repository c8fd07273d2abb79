#include "chosen_recipe.hpp"

#include "recipes.hpp"
#include "validators.hpp"

namespace fovea::cli {

namespace {

// Which tables a setting says something to.
enum task : unsigned { ssdlite = 1, efficientdet = 2, classifier = 4 };

unsigned task_of(const any_table& table) {
    if (std::holds_alternative<tables::ssdlite_table>(table))
        return ssdlite;
    return std::holds_alternative<tables::efficientdet_table>(table) ? efficientdet : classifier;
}

struct limited_option {
    const char* option;
    unsigned tasks;
    const char* whose;
};
constexpr limited_option limited_options[] = {
    {"--loss", efficientdet, "EfficientDet"},
    {"--delta", efficientdet, "EfficientDet"},
    {"--class-loss", ssdlite, "SSDLite; EfficientDet's is always focal"},
    {"--box-loss", ssdlite | efficientdet, "detectors"},
    {"--box-loss-weight", ssdlite | efficientdet, "detectors"},
    {"--alpha", ssdlite | efficientdet, "detectors"},
    {"--gamma", ssdlite | efficientdet, "detectors"},
    {"--label-smoothing", efficientdet | classifier, "EfficientDet and classifiers"},
    {"--random-erase", classifier, "classifiers"},
    {"--train-split", ssdlite | efficientdet, "detectors"},
    {"--val-split", ssdlite | efficientdet, "detectors"},
    {"--train-images", ssdlite | efficientdet, "detectors"},
    {"--val-images", ssdlite | efficientdet, "detectors"},
    {"--one-based", ssdlite | efficientdet, "detectors"},
    {"--category-ids", ssdlite | efficientdet, "detectors"},
};

void refuse_other_tasks(const CLI::App& command, unsigned task) {
    for (const limited_option& l : limited_options)
        if (command.get_option(l.option)->count() > 0 && (l.tasks & task) == 0)
            refuse(l.option, std::string("is for ") + l.whose);
}

struct own_recipe {
    const char* operator()(const tables::mobilenet_v2_table&) const { return "mobilenet_v2"; }
    const char* operator()(const tables::mobilenet_v3_table&) const { return "mobilenet_v3"; }
    const char* operator()(const tables::efficientnet_table&) const { return "efficientnet"; }
    const char* operator()(const tables::ssdlite_table&) const { return "ssdlite"; }
    const char* operator()(const tables::efficientdet_table&) const { return "efficientdet"; }
};

} // namespace

train_recipe recipe_of(const CLI::App& command, const train_options& o, const any_table& table) {
    const unsigned task = task_of(table);
    refuse_other_tasks(command, task);
    train_recipe recipe = recipe_named(o.recipe.empty() ? std::visit(own_recipe(), table) : o.recipe);
    for (const auto& [field, text] : o.changes)
        set_field(recipe, *field, text);
    if (task == ssdlite && recipe.box_loss == "huber")
        refuse("--box-loss", "huber is for EfficientDet");
    return recipe;
}

} // namespace fovea::cli
