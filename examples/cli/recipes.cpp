#include "recipes.hpp"

#include <fovea/error.hpp>

#include <string>

namespace fovea::cli {

namespace {

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

// Tan and Le 2019, section 5, with RMSProp as torch has it, the rate falling by 0.97 in 2.4 epochs, and
// without AutoAugment; batches and warm-up of tensorflow/tpu, models/official/efficientnet.
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

} // namespace fovea::cli
