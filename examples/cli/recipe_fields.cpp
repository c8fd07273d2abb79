#include "recipe_fields.hpp"

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
    {"--lr-batch-size", &train_recipe::lr_batch_size,
     "Photos of an update that the rate is for; others scale it; 0: it is for any", 0, 1e6},
    {"--lr-scheduler", &train_recipe::lr_scheduler, "How the rate falls", 0, 0,
     "multisteplr cosineannealinglr steplr exponentiallr polynomiallr reducelronplateau efficientdet_cosine "
     "constant"},
    {"--lr-unit", &train_recipe::lr_unit, "What the scheduler counts; a step is a batch", 0, 0, "epoch step"},
    {"--lr-steps", &train_recipe::lr_steps, "multisteplr: when the rate falls", 1, 1e9},
    {"--lr-step-size", &train_recipe::lr_step_size,
     "steplr: how often it falls; reducelronplateau: evaluations to wait", 1, 1e9},
    {"--lr-gamma", &train_recipe::lr_gamma, "What it is multiplied by", 0, 1},
    {"--lr-power", &train_recipe::lr_power, "polynomiallr: the power", 0, 100},
    {"--warmup-steps", &train_recipe::warmup_steps,
     "Batches with a rising rate; of the unit epoch at most one epoch", 0, 1e9},
    {"--warmup-epochs", &train_recipe::warmup_epochs, "Epochs with a rising rate, in place of --warmup-steps",
     0, 1e6},
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
     "hflip ssd ssdlite scale_jitter efficientdet imagenet none"},
    {"--random-erase", &train_recipe::random_erase, "Classifiers: probability that a part is erased", 0, 1},
    {"--aspect-ratio-group-factor", &train_recipe::aspect_ratio_group_factor,
     "Batches of photos of like aspect; -1: of any", -1, 100},
    {"--init", &train_recipe::init, "How the weights begin; reference: as the model's own", 0, 0,
     "reference ssdlite mobilenet ssd300 efficientnet torch_default"},
    {"--loss", &train_recipe::loss, "EfficientDet: whose matching and normalizer", 0, 0, "effdet zylo117"},
    {"--box-loss", &train_recipe::box_loss, "Loss of boxes; huber is EfficientDet's", 0, 0,
     "smooth_l1 huber giou diou ciou"},
    {"--class-loss", &train_recipe::class_loss, "SSDLite: loss of classes; EfficientDet's is focal", 0, 0,
     "hard_negatives focal"},
    {"--alpha", &train_recipe::alpha, "Focal loss: weight of objects; -1: none", -1, 1},
    {"--gamma", &train_recipe::gamma, "Focal loss: exponent of 1 - p", 0, 100},
    {"--delta", &train_recipe::delta, "Huber loss: where it becomes linear", 1e-6, 1e6},
    {"--box-loss-weight", &train_recipe::box_loss_weight,
     "Weight of the boxes' loss; -1: 50 for EfficientDet's smooth_l1 and huber, else 1", -1, 1e9},
    {"--label-smoothing", &train_recipe::label_smoothing, "Of classes: this much of a target says nothing", 0,
     1},
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

std::map<std::string, std::string> settings_of(const train_recipe& recipe) {
    std::map<std::string, std::string> settings;
    for (const recipe_field& field : recipe_fields())
        settings[field.option] = field_text(recipe, field);
    return settings;
}

} // namespace fovea::cli
