// Settings of training with the names of the references' scripts: torchvision's references/detection and
// references/classification, google/automl's hparams_config.py.
#pragma once

#include <string>
#include <vector>

namespace fovea::cli {

// Everything that decides what is learnt, beside the model and the photos. Defaults are those of the
// detection script.
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
    int warmup_steps = 1000;  // batches; with the unit epoch at most the first epoch
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

} // namespace fovea::cli
