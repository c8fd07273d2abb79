// Where a run of training stands, to the step: what a checkpoint keeps of it beside weights and optimizer.
#pragma once

#include "train_log.hpp"

#include <fovea/train/checkpoint.hpp>

#include <cstdint>

namespace fovea::cli {

struct train_position {
    std::uint64_t step = 0;
    std::uint64_t evaluated = 0;                           // the step of the last evaluation
    double seconds = 0;                                    // of training, before this process
    double first = no_value, second = no_value, best = -1; // figures of evaluations
    std::uint64_t best_step = 0;
    double losses[2] = {}; // sums since the log's last row: classes, boxes
    std::uint64_t logged = 0;

    // seconds_now: of training, with this process.
    void save(training_state& state, double seconds_now) const;
    // Throws format_error when something is missing.
    void restore(const training_state& state);
};

} // namespace fovea::cli
