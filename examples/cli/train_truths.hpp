// What a batch has to teach, from the loaders of all tasks to the engine.
#pragma once

#include <fovea/tensor/view.hpp>
#include <fovea/train/target/ground_truth.hpp>

namespace fovea::cli {

// One for each image; one of the two is empty.
struct train_truths {
    span<const ground_truth> objects; // detectors
    span<const int> labels;           // classifiers
};

} // namespace fovea::cli
