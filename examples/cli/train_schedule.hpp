// The learning rate of every step of a run, and how many steps there are.
#pragma once

#include "train_recipe.hpp"

#include <fovea/train/checkpoint.hpp>
#include <fovea/train/optimizer/plateau.hpp>
#include <fovea/train/optimizer/schedule.hpp>

#include <cstdint>
#include <optional>

namespace fovea::cli {

class train_schedule {
public:
    // batches: of an epoch. Throws input_error when the run has no step, or no more than its warm-up.
    train_schedule(const train_recipe& recipe, std::uint64_t batches);

    // Of the whole run; whole updates.
    std::uint64_t steps() const noexcept { return steps_; }
    double rate(std::uint64_t step) const noexcept {
        const double rate = schedule_.rate(static_cast<std::int64_t>(step));
        return plateau_ ? rate * plateau_->rate() : rate;
    }

    // The first figure of an evaluation, AP or top-1: what reducelronplateau waits for.
    void observe(double figure) noexcept {
        if (plateau_)
            plateau_->observe(figure);
    }
    void save(training_state& state) const;
    // Throws format_error when something is missing.
    void restore(const training_state& state);

private:
    std::uint64_t steps_;
    schedule schedule_;
    std::optional<plateau> plateau_; // a factor
};

} // namespace fovea::cli
