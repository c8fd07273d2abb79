// The part of `fovea train` that computes. train_engine.cpp alone compiles training kernels, once for each
// instruction set; everything here is light and the same for all of them.
#pragma once

#include "model_choice.hpp"
#include "train_truths.hpp"

#include <fovea/dispatch.hpp>
#include <fovea/preprocess/preset.hpp>
#include <fovea/train/checkpoint.hpp>
#include <fovea/train/init/policies.hpp>
#include <fovea/train/loss/efficientdet_settings.hpp>
#include <fovea/train/loss/ssd_settings.hpp>
#include <fovea/train/optimizer/parameter_groups.hpp>

#include <cstdint>
#include <memory>
#include <string>

namespace fovea::cli {

enum class optimizer_kind : unsigned char { sgd, rmsprop, adam, adamw };

// How a network is trained: what does not change during a run.
struct train_choice {
    any_table table;
    int batch = 24;
    int threads = 1;
    bool recomputes = false;
    std::uint64_t seed = 1;
    initialization_policy policy;
    bool frozen_statistics = false; // batch-norms keep their running statistics
    parameter_grouping groups;
    optimizer_kind optimizer = optimizer_kind::sgd;
    double momentum = 0.9, alpha = 0.9, eps = 0.0316; // of the optimizers that have them
    bool nesterov = false;
    ssd_loss_settings ssd; // the loss of the table's kind counts
    efficientdet_loss_settings efficientdet;
    double label_smoothing = 0; // of a classifier's
    double clip_norm = 0; // 0: not clipped
    int accumulation = 1;
    double ema_decay = 0; // 0: no average
};

// What a step came to.
struct train_result {
    double classification = 0, bbox_regression = 0;
    double gradient_norm = 0;
    std::uint64_t positives = 0;
    bool is_finite = true; // else nothing was updated

    double loss() const noexcept { return classification + bbox_regression; }
};

class train_engine {
public:
    virtual ~train_engine() = default;

    // Begins from other weights than the initializers'. Throws weights_error.
    virtual void load(const state_dict& weights, const load_options& options) = 0;
    // One step on [images of the truths, height, width, 3] numbers. Throws input_error for boxes and labels that cannot
    // be learnt.
    virtual train_result step(const float* images, const train_truths& truths, double learning_rate) = 0;
    // Where the last step's numbers stopped being finite.
    virtual std::string find_non_finite(const float* images) = 0;

    // The weights to evaluate and ship: averaged where there is an average.
    virtual state_dict weights() = 0;
    // Weights, averages, the optimizer's state and step counts; the caller adds its own.
    virtual void save(training_state& state) = 0;
    // Throws format_error when something is missing or has another size, weights_error for other weights.
    virtual void restore(const training_state& state) = 0;

    virtual graph_view graph() const noexcept = 0;
    // What the model does to a photo.
    virtual preset input() const noexcept = 0;
    virtual std::size_t workspace_bytes() const noexcept = 0;
};

// An engine for the best instruction set of this processor, or FOVEA_ARCH's. Throws input_error when the table or a
// setting is wrong.
extern const dispatched<std::unique_ptr<train_engine>(const train_choice&)> make_train_engine;

} // namespace fovea::cli
