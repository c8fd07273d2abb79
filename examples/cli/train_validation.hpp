// How good weights are on the validation photos, while training goes on.
#pragma once

#include "model_choice.hpp"
#include "train_log.hpp"

#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/data/image_folder.hpp>

#include <functional>

namespace fovea::cli {

// Called before each photo with the part that is done; false ends the evaluation.
using validation_watch = std::function<bool(double)>;

// What an evaluation came to; figure_names_of() names the two figures.
struct validation_figures {
    double first = no_value, second = no_value;
    std::string classes; // a line for each class that has objects
};

class validation {
public:
    // The data must outlive it.
    validation(model_choice choice, int threads) : choice_(std::move(choice)), threads_(threads) {}
    virtual ~validation() = default;

    // False, and nothing done, when `watch` ended it. Throws io_error for a photo that has gone.
    virtual bool operator()(const state_dict& weights, const validation_watch& watch,
                            validation_figures& result) const = 0;

protected:
    model_choice choice_;
    int threads_;
};

// COCO's AP and AP50; categories are labels.
class detection_validation final : public validation {
public:
    detection_validation(model_choice choice, const detection_dataset& data, int threads)
        : validation(std::move(choice), threads), data_(data) {}

    bool operator()(const state_dict& weights, const validation_watch& watch,
                    validation_figures& result) const override;

private:
    const detection_dataset& data_;
};

// The parts of the photos whose class is the best one, and among the best five.
class classification_validation final : public validation {
public:
    classification_validation(model_choice choice, const classification_dataset& data, int threads)
        : validation(std::move(choice), threads), data_(data) {}

    bool operator()(const state_dict& weights, const validation_watch& watch,
                    validation_figures& result) const override;

private:
    const classification_dataset& data_;
};

} // namespace fovea::cli
