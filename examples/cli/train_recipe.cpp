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
    {"--warmup-epochs", &train_recipe::warmup_epochs, "Epochs with a rising rate, in place of --warmup-steps", 0, 1e6},
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
    {"--label-smoothing", &train_recipe::label_smoothing, "Of classes: this much of a target says nothing", 0, 1},
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

// google/automl, efficientdet/hparams_config.py and det_model_fn.py: decay of kernels only, by their l2 loss.
train_recipe efficientdet_recipe() {
    train_recipe t;
    t.epochs = 300;
    t.batch_size = 64;
    t.lr = 0.08;
    t.lr_batch_size = 64;
    t.lr_scheduler = "efficientdet_cosine";
    t.lr_unit = "step";
    t.warmup_epochs = 1;
    t.warmup_start = 0.1;
    t.weight_decay = 4e-5;
    t.norm_weight_decay = 0;
    t.bias_weight_decay = 0;
    t.clip_norm = 10;
    t.ema = 0.9998;
    t.data_augmentation = "efficientdet";
    t.aspect_ratio_group_factor = -1;
    t.box_loss = "huber";
    t.class_loss = "focal";
    t.gamma = 1.5;
    return t;
}

// zylo117, train.py.
train_recipe zylo117_recipe() {
    train_recipe t;
    t.epochs = 500;
    t.batch_size = 12;
    t.lr = 1e-4;
    t.lr_scheduler = "reducelronplateau";
    t.lr_step_size = 3;
    t.warmup_steps = 0;
    t.opt = "adamw";
    t.weight_decay = 0.01;
    t.aspect_ratio_group_factor = -1;
    t.loss = "zylo117";
    t.class_loss = "focal";
    return t;
}

// Defaults of references/classification/train.py.
train_recipe classification_recipe() {
    train_recipe t;
    t.epochs = 90;
    t.batch_size = 32;
    t.lr = 0.1;
    t.lr_scheduler = "steplr";
    t.lr_step_size = 30;
    t.warmup_steps = 0;
    t.data_augmentation = "imagenet";
    t.aspect_ratio_group_factor = -1;
    return t;
}

// The line of README.md there; a batch is that of one of its 8 processes, as below.
train_recipe mobilenet_v2_recipe() {
    train_recipe t = classification_recipe();
    t.epochs = 300;
    t.lr = 0.045;
    t.weight_decay = 4e-5;
    t.lr_step_size = 1;
    t.lr_gamma = 0.98;
    return t;
}

// Without AutoAugment.
train_recipe mobilenet_v3_recipe() {
    train_recipe t = classification_recipe();
    t.epochs = 600;
    t.batch_size = 128;
    t.opt = "rmsprop";
    t.lr = 0.064;
    t.weight_decay = 1e-5;
    t.lr_step_size = 2;
    t.lr_gamma = 0.973;
    t.random_erase = 0.2;
    return t;
}

// Tan and Le 2019, section 5, with RMSProp as torch has it, the rate falling by 0.97 in 2.4 epochs, and without
// AutoAugment; batches and warm-up of tensorflow/tpu, models/official/efficientnet.
train_recipe efficientnet_recipe() {
    train_recipe t = classification_recipe();
    t.epochs = 350;
    t.batch_size = 128;
    t.opt = "rmsprop";
    t.lr = 0.016;
    t.lr_batch_size = 256;
    t.lr_scheduler = "exponentiallr";
    t.lr_gamma = 0.98739; // 0.97 to the power of 1 / 2.4
    t.warmup_epochs = 5;
    t.warmup_start = 0;
    t.weight_decay = 1e-5;
    t.norm_weight_decay = 0;
    t.ema = 0.9999;
    t.label_smoothing = 0.1;
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
        {"efficientdet", "google/automl's EfficientDet", efficientdet_recipe()},
        {"zylo117", "zylo117's EfficientDet", zylo117_recipe()},
        {"classification", "defaults of references/classification/train.py", classification_recipe()},
        {"mobilenet_v2", "torchvision's MobileNetV2", mobilenet_v2_recipe()},
        {"mobilenet_v3", "torchvision's MobileNetV3", mobilenet_v3_recipe()},
        {"efficientnet", "EfficientNet as its authors trained it", efficientnet_recipe()},
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
