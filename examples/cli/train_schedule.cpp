#include "train_schedule.hpp"

#include "train_state.hpp"

#include <algorithm>

namespace fovea::cli {

namespace {

std::uint64_t total_steps(const train_recipe& r, std::uint64_t batches) {
    const std::uint64_t steps =
        r.steps > 0 ? static_cast<std::uint64_t>(r.steps) : static_cast<std::uint64_t>(r.epochs) * batches;
    const auto accumulate = static_cast<std::uint64_t>(r.accumulate);
    if (steps < accumulate)
        throw input_error("a run of " + std::to_string(steps) + " steps has no update of " +
                          std::to_string(accumulate) + " batches");
    return steps - steps % accumulate; // gradients that make no update would be for nothing
}

// length: what the scheduler counts, of the whole run without its warm-up.
schedule shape_of(const train_recipe& r, std::int64_t length) {
    if (r.lr_scheduler == "multisteplr")
        return schedule::multistep(r.lr, {r.lr_steps.begin(), r.lr_steps.end()}, r.lr_gamma);
    if (r.lr_scheduler == "cosineannealinglr")
        return schedule::cosine(r.lr, length);
    if (r.lr_scheduler == "steplr")
        return schedule::step(r.lr, r.lr_step_size, r.lr_gamma);
    if (r.lr_scheduler == "exponentiallr")
        return schedule::exponential(r.lr, r.lr_gamma);
    if (r.lr_scheduler == "polynomiallr")
        return schedule::poly(r.lr, length, r.lr_power);
    return schedule::constant(r.lr);
}

// As torchvision's script: the scheduler counts epochs, and the warm-up multiplies the rates of the first
// one.
schedule epoch_schedule(const train_recipe& r, std::uint64_t steps, std::uint64_t batches) {
    const auto epochs = static_cast<std::int64_t>((steps + batches - 1) / batches);
    const std::int64_t warm = std::min<std::int64_t>(r.warmup_steps, static_cast<std::int64_t>(batches) - 1);
    return shape_of(r, epochs)
        .held(static_cast<std::int64_t>(batches))
        .with_warmup(warm, r.warmup_start, warmup::over);
}

// The scheduler counts steps and begins when the warm-up ends.
schedule step_schedule(const train_recipe& r, std::uint64_t steps) {
    const auto length = static_cast<std::int64_t>(steps) - r.warmup_steps;
    if (length < 1)
        throw input_error("--warmup-steps " + std::to_string(r.warmup_steps) +
                          " leaves nothing of a run of " + std::to_string(steps) + " steps");
    return shape_of(r, length).with_warmup(r.warmup_steps, r.warmup_start);
}

} // namespace

train_schedule::train_schedule(const train_recipe& r, std::uint64_t batches)
    : steps_(total_steps(r, batches)),
      schedule_(r.lr_unit == "epoch" ? epoch_schedule(r, steps_, batches) : step_schedule(r, steps_)) {
    if (r.lr_scheduler != "reducelronplateau")
        return;
    plateau_settings settings;
    settings.factor = r.lr_gamma;
    settings.patience = r.lr_step_size;
    settings.larger_is_better = true;
    plateau_.emplace(1.0, settings);
}

void train_schedule::save(training_state& state) const {
    if (!plateau_)
        return;
    const plateau_state& p = plateau_->state();
    state.numbers["plateau.rate"] = p.rate;
    state.numbers["plateau.best"] = p.best;
    state.integers["plateau.bad_epochs"] = static_cast<std::uint64_t>(p.bad_epochs);
    state.integers["plateau.cooldown_left"] = static_cast<std::uint64_t>(p.cooldown_left);
}

void train_schedule::restore(const training_state& state) {
    if (plateau_)
        plateau_->set_state({saved_number(state, "plateau.rate"), saved_number(state, "plateau.best"),
                             static_cast<std::int64_t>(saved_integer(state, "plateau.bad_epochs")),
                             static_cast<std::int64_t>(saved_integer(state, "plateau.cooldown_left"))});
}

} // namespace fovea::cli
