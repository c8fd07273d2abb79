#include "train_schedule.hpp"

#include "train_state.hpp"

#include <algorithm>
#include <cmath>

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

// The rate for the photos of an update (Goyal et al. 2017: it grows with them).
double base_rate(const train_recipe& r) noexcept {
    return r.lr_batch_size > 0 ? r.lr * r.batch_size * r.accumulate / r.lr_batch_size : r.lr;
}

// Steps with a rising rate.
std::int64_t warmup_of(const train_recipe& r, std::uint64_t batches) {
    return r.warmup_epochs > 0 ? std::llround(r.warmup_epochs * static_cast<double>(batches)) : r.warmup_steps;
}

// length: what the scheduler counts, of the whole run without its warm-up.
schedule shape_of(const train_recipe& r, std::int64_t length) {
    const double rate = base_rate(r);
    if (r.lr_scheduler == "multisteplr")
        return schedule::multistep(rate, {r.lr_steps.begin(), r.lr_steps.end()}, r.lr_gamma);
    if (r.lr_scheduler == "cosineannealinglr")
        return schedule::cosine(rate, length);
    if (r.lr_scheduler == "steplr")
        return schedule::step(rate, r.lr_step_size, r.lr_gamma);
    if (r.lr_scheduler == "exponentiallr")
        return schedule::exponential(rate, r.lr_gamma);
    if (r.lr_scheduler == "polynomiallr")
        return schedule::poly(rate, length, r.lr_power);
    return schedule::constant(rate);
}

// As torchvision's script: the scheduler counts epochs, and the warm-up multiplies the rates of the first
// one, or of so many as are asked for.
schedule epoch_schedule(const train_recipe& r, std::uint64_t steps, std::uint64_t batches) {
    const auto epochs = static_cast<std::int64_t>((steps + batches - 1) / batches);
    const std::int64_t warm = r.warmup_epochs > 0
                                  ? warmup_of(r, batches)
                                  : std::min<std::int64_t>(r.warmup_steps, static_cast<std::int64_t>(batches) - 1);
    return shape_of(r, epochs)
        .held(static_cast<std::int64_t>(batches))
        .with_warmup(warm, r.warmup_start, warmup::over);
}

// The scheduler counts steps and begins when the warm-up ends; EfficientDet's does so before.
schedule step_schedule(const train_recipe& r, std::uint64_t steps, std::uint64_t batches) {
    const std::int64_t warm = warmup_of(r, batches), length = static_cast<std::int64_t>(steps) - warm;
    if (length < 1)
        throw input_error(std::string(r.warmup_epochs > 0 ? "--warmup-epochs, steps: " : "--warmup-steps ") +
                          std::to_string(warm) + " leaves nothing of a run of " + std::to_string(steps) + " steps");
    const double rate = base_rate(r);
    if (r.lr_scheduler == "efficientdet_cosine")
        return schedule::efficientdet_cosine(rate, static_cast<std::int64_t>(steps), warm, rate * r.warmup_start);
    return shape_of(r, length).with_warmup(warm, r.warmup_start);
}

schedule schedule_of(const train_recipe& r, std::uint64_t steps, std::uint64_t batches) {
    const bool by_epochs = r.lr_unit == "epoch" && r.lr_scheduler != "efficientdet_cosine";
    return by_epochs ? epoch_schedule(r, steps, batches) : step_schedule(r, steps, batches);
}

} // namespace

train_schedule::train_schedule(const train_recipe& r, std::uint64_t batches)
    : steps_(total_steps(r, batches)),
      schedule_(schedule_of(r, steps_, batches)) {
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
