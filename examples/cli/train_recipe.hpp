// Settings of training with the names and defaults of the references' scripts (torchvision's references/detection and
// references/classification, google/automl's hparams_config.py), and the recipes that set all of them at once.
#pragma once

#include <fovea/tensor/view.hpp>

#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace fovea::cli {

// Everything that decides what is learnt, beside the model and the photos. Defaults are those of the detection
// script.
struct train_recipe {
    int epochs = 26;
    int steps = 0; // batches of the whole run instead of epochs; 0: epochs count
    int batch_size = 2;
    double lr = 0.02;
    int lr_batch_size = 0; // photos of an update that lr is for: other batches scale it; 0: lr is for any
    std::string lr_scheduler = "multisteplr";
    std::string lr_unit = "epoch"; // what the scheduler counts
    std::vector<int> lr_steps{16, 22};
    int lr_step_size = 8;
    double lr_gamma = 0.1;
    double lr_power = 0.9;
    int warmup_steps = 1000; // batches; with the unit epoch at most the first epoch
    double warmup_epochs = 0; // in place of warmup_steps; 0: these count
    double warmup_start = 0.001;

    std::string opt = "sgd";
    double momentum = 0.9;
    double weight_decay = 1e-4;
    double norm_weight_decay = -1; // below 0: weight_decay
    double bias_weight_decay = -1;
    double clip_norm = 0;
    int accumulate = 1; // batches for an update
    double ema = 0;

    std::string data_augmentation = "hflip";
    int aspect_ratio_group_factor = 3;
    double random_erase = 0; // classifiers: probability
    std::string init = "reference";
    std::string loss = "effdet"; // EfficientDet's: matching, normalizer, details
    std::string box_loss = "smooth_l1";
    std::string class_loss = "hard_negatives";
    double alpha = 0.25, gamma = 2; // of the focal loss
    double delta = 0.1;             // of Huber's
    double box_loss_weight = -1;    // below 0: the loss's own
    double label_smoothing = 0;
    std::vector<std::string> freeze; // prefixes of parameters' names
    bool freeze_norms = false;
    int seed = 1;
};

// One setting: its option, which member it is, and the values that it can have.
struct recipe_field {
    using member = std::variant<int train_recipe::*, double train_recipe::*, bool train_recipe::*,
                                std::string train_recipe::*, std::vector<int> train_recipe::*,
                                std::vector<std::string> train_recipe::*>;

    const char* option;
    member value;
    const char* help;
    double least = 0, most = 0;    // of numbers
    const char* choices = nullptr; // of words, with spaces between them
};

// All of them, in the order of the help.
span<const recipe_field> recipe_fields();

// "0.15", "80,110", "sgd"; "yes" and "no" for flags.
std::string field_text(const train_recipe& recipe, const recipe_field& field);
// Sets a field from its text; of a list of words, which an option may repeat, adds to it. Throws input_error
// that says what was expected.
void set_field(train_recipe& recipe, const recipe_field& field, const std::string& text);

struct named_recipe {
    std::string_view name, what;
    train_recipe settings;
};

// Of detectors, then of classifiers.
span<const named_recipe> recipes();
// Throws input_error that lists them.
const train_recipe& recipe_named(std::string_view name);

// The fields as settings that a resumed run must have again.
std::map<std::string, std::string> settings_of(const train_recipe& recipe);

} // namespace fovea::cli
