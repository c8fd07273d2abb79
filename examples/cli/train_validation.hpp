// How good weights are on the validation photos, while training goes on.
#pragma once

#include "model_choice.hpp"

#include <fovea/evaluate/coco.hpp>
#include <fovea/train/data/detection_dataset.hpp>

#include <functional>

namespace fovea::cli {

// Called before each photo with the part that is done; false ends the evaluation.
using validation_watch = std::function<bool(double)>;

class validation {
public:
    // The data must outlive it.
    validation(model_choice choice, const detection_dataset& data, int threads)
        : choice_(std::move(choice)), data_(data), threads_(threads) {}

    // COCO's figures; categories are labels. False, and nothing done, when `watch` ended it. Throws io_error
    // for a photo that has gone.
    bool operator()(const state_dict& weights, const validation_watch& watch, coco_result& result) const;

    const detection_dataset& data() const noexcept { return data_; }

private:
    model_choice choice_;
    const detection_dataset& data_;
    int threads_;
};

// A line for each class that has objects: "  RBC               AP .51234  AP50 .80312".
std::string class_table(const coco_result& result, const std::vector<std::string>& classes);

} // namespace fovea::cli
