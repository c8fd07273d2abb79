#include "train_recipe.hpp"

#include <fovea/error.hpp>

#include <algorithm>
#include <charconv>
#include <sstream>

namespace fovea::cli {

namespace {

const recipe_field train_fields[] = {
    {"--epochs", &train_recipe::epochs, "How often every photo is seen", 1, 1e9},
    {"--steps", &train_recipe::steps, "Batches of the whole run, instead of --epochs", 0, 1e9},
    {"--batch-size", &train_recipe::batch_size, "Photos a batch", 1, 4096},
    {"--lr", &train_recipe::lr, "Learning rate", 0, 1e30},
    {"--lr-scheduler", &train_recipe::lr_scheduler, "How the rate falls", 0, 0,
     "multisteplr cosineannealinglr steplr exponentiallr polynomiallr reducelronplateau constant"},
    {"--lr-unit", &train_recipe::lr_unit, "What the scheduler counts; a step is a batch", 0, 0, "epoch step"},
    {"--lr-steps", &train_recipe::lr_steps, "multisteplr: when the rate falls", 1, 1e9},
    {"--lr-step-size", &train_recipe::lr_step_size,
     "steplr: how often it falls; reducelronplateau: evaluations to wait", 1, 1e9},
    {"--lr-gamma", &train_recipe::lr_gamma, "What it is multiplied by", 0, 1},
    {"--lr-power", &train_recipe::lr_power, "polynomiallr: the power", 0, 100},
    {"--warmup-steps", &train_recipe::warmup_steps,
     "Batches with a rising rate; of the unit epoch at most one epoch", 0, 1e9},
    {"--warmup-start", &train_recipe::warmup_start, "The part of the rate that it rises from", 0, 1},
    {"--opt", &train_recipe::opt, "Optimizer", 0, 0, "sgd sgd_nesterov rmsprop adam adamw"},
    {"--momentum", &train_recipe::momentum, "Of sgd and rmsprop", 0, 0.99999},
    {"--weight-decay", &train_recipe::weight_decay, "Weight decay", 0, 1e30},
    {"--norm-weight-decay", &train_recipe::norm_weight_decay, "Of norm layers; -1: as the others", -1, 1e30},
    {"--bias-weight-decay", &train_recipe::bias_weight_decay, "Of biases; -1: as the others", -1, 1e30},
    {"--clip-norm", &train_recipe::clip_norm, "Largest norm of the gradient; 0: not clipped", 0, 1e30},
    {"--accumulate", &train_recipe::accumulate, "Batches whose mean gradient makes one update", 1, 100000},
    {"--ema", &train_recipe::ema,
     "Decay of the weights' moving average, which is evaluated and kept; 0: none", 0, 1},
    {"--data-augmentation", &train_recipe::data_augmentation, "What happens to photos", 0, 0,
     "hflip ssd ssdlite scale_jitter none"},
    {"--aspect-ratio-group-factor", &train_recipe::aspect_ratio_group_factor,
     "Batches of photos of like aspect; -1: of any", -1, 100},
    {"--init", &train_recipe::init, "How the weights begin", 0, 0,
     "ssdlite mobilenet ssd300 efficientnet torch_default"},
    {"--box-loss", &train_recipe::box_loss, "Loss of boxes", 0, 0, "smooth_l1 giou diou ciou"},
    {"--class-loss", &train_recipe::class_loss, "Loss of classes", 0, 0, "hard_negatives focal"},
    {"--freeze", &train_recipe::freeze, "Parameters whose names begin so stay as they are; may be repeated"},
    {"--freeze-norms", &train_recipe::freeze_norms, "Batch-norms keep their running statistics"},
    {"--seed", &train_recipe::seed, "Of weights, order and augmentation", 0, 1e9},
};

template <class Number>
Number parse_setting(const std::string& text, const recipe_field& f) {
    Number value{};
    const char* const end = text.data() + text.size();
    const auto [last, code] = std::from_chars(text.data(), end, value);
    const auto number = static_cast<double>(value);
    if (code == std::errc() && last == end && number >= f.least && number <= f.most)
        return value;
    std::ostringstream expected;
    expected << f.least << " .. " << f.most;
    throw input_error(std::string("expected ") + (std::is_integral_v<Number> ? "an integer" : "a number") +
                      " in " + expected.str() + ", found '" + text + "'");
}

std::vector<std::string> parts_of(const std::string& text, char separator) {
    std::istringstream stream(text);
    std::vector<std::string> parts;
    for (std::string part; std::getline(stream, part, separator);)
        parts.push_back(part);
    return parts;
}

// How a member of each type is read and written.
struct field_reader {
    train_recipe& recipe;
    const recipe_field& field;
    const std::string& text;

    void operator()(int train_recipe::*m) const { recipe.*m = parse_setting<int>(text, field); }
    void operator()(double train_recipe::*m) const { recipe.*m = parse_setting<double>(text, field); }
    void operator()(bool train_recipe::*m) const { recipe.*m = text == "yes"; }
    void operator()(std::string train_recipe::*m) const {
        const auto choices = parts_of(field.choices, ' ');
        if (std::find(choices.begin(), choices.end(), text) == choices.end())
            throw input_error(std::string("expected one of ") + field.choices + ", found '" + text + "'");
        recipe.*m = text;
    }
    void operator()(std::vector<int> train_recipe::*m) const {
        (recipe.*m).clear();
        for (const std::string& part : parts_of(text, ','))
            (recipe.*m).push_back(parse_setting<int>(part, field));
    }
    void operator()(std::vector<std::string> train_recipe::*m) const { (recipe.*m).push_back(text); }
};

struct field_writer {
    const train_recipe& recipe;

    std::string operator()(int train_recipe::*m) const { return std::to_string(recipe.*m); }
    std::string operator()(double train_recipe::*m) const {
        char text[32]; // the longest double has 24 characters
        return {text, std::to_chars(text, text + sizeof text, recipe.*m).ptr};
    }
    std::string operator()(bool train_recipe::*m) const { return recipe.*m ? "yes" : "no"; }
    std::string operator()(std::string train_recipe::*m) const { return recipe.*m; }
    std::string operator()(std::vector<int> train_recipe::*m) const {
        std::string text;
        for (int value : recipe.*m)
            text += (text.empty() ? "" : ",") + std::to_string(value);
        return text;
    }
    std::string operator()(std::vector<std::string> train_recipe::*m) const {
        std::string text;
        for (const std::string& value : recipe.*m)
            text += (text.empty() ? "" : " ") + value;
        return text;
    }
};

// The line of README.md there that trains ssdlite320_mobilenet_v3_large; a batch is that of one of its 8
// processes.
train_recipe ssdlite_recipe() {
    train_recipe t;
    t.epochs = 660;
    t.batch_size = 24;
    t.lr = 0.15;
    t.lr_scheduler = "cosineannealinglr";
    t.weight_decay = 4e-5;
    t.data_augmentation = "ssdlite";
    return t;
}

// The same of ssd300_vgg16.
train_recipe ssd_recipe() {
    train_recipe t;
    t.epochs = 120;
    t.batch_size = 4;
    t.lr = 0.002;
    t.lr_steps = {80, 110};
    t.weight_decay = 5e-4;
    t.data_augmentation = "ssd";
    t.init = "ssd300";
    return t;
}

// From scratch on a few hundred photos of a microscope.
train_recipe cells_recipe() {
    train_recipe t;
    t.epochs = 273;
    t.batch_size = 16;
    t.lr = 0.08;
    t.lr_scheduler = "cosineannealinglr";
    t.lr_unit = "step";
    t.warmup_steps = 100;
    t.warmup_start = 0.01;
    t.weight_decay = 4e-5;
    t.norm_weight_decay = 0;
    t.bias_weight_decay = 0;
    t.clip_norm = 10;
    t.ema = 0.998;
    t.data_augmentation = "scale_jitter";
    t.aspect_ratio_group_factor = -1;
    return t;
}

} // namespace

span<const recipe_field> recipe_fields() {
    return train_fields;
}

std::string field_text(const train_recipe& recipe, const recipe_field& field) {
    return std::visit(field_writer{recipe}, field.value);
}

void set_field(train_recipe& recipe, const recipe_field& field, const std::string& text) {
    std::visit(field_reader{recipe, field, text}, field.value);
}

span<const named_recipe> recipes() {
    static const named_recipe all[] = {
        {"detection", "defaults of references/detection/train.py", {}},
        {"ssdlite", "torchvision's SSDLite320", ssdlite_recipe()},
        {"ssd", "torchvision's SSD300", ssd_recipe()},
        {"cells", "from scratch on a few hundred photos without an up and down", cells_recipe()},
    };
    return all;
}

const train_recipe& recipe_named(std::string_view name) {
    std::string known;
    for (const named_recipe& recipe : recipes()) {
        if (recipe.name == name)
            return recipe.settings;
        known += (known.empty() ? "" : ", ") + std::string(recipe.name);
    }
    throw input_error("no recipe '" + std::string(name) + "'; there are " + known);
}

std::map<std::string, std::string> settings_of(const train_recipe& recipe) {
    std::map<std::string, std::string> settings;
    for (const recipe_field& field : recipe_fields())
        settings[field.option] = field_text(recipe, field);
    return settings;
}

} // namespace fovea::cli
