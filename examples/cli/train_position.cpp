#include "train_position.hpp"

#include "train_state.hpp"

namespace fovea::cli {

void train_position::save(training_state& state, double seconds_now) const {
    state.integers["step"] = step;
    state.integers["evaluated"] = evaluated;
    state.integers["logged"] = logged;
    state.integers["best.step"] = best_step;
    state.numbers["seconds"] = seconds_now;
    state.numbers["figures.first"] = first;
    state.numbers["figures.second"] = second;
    state.numbers["figures.best"] = best;
    state.numbers["logged.classes"] = losses[0];
    state.numbers["logged.boxes"] = losses[1];
}

void train_position::restore(const training_state& state) {
    step = saved_integer(state, "step");
    evaluated = saved_integer(state, "evaluated");
    logged = saved_integer(state, "logged");
    best_step = saved_integer(state, "best.step");
    seconds = saved_number(state, "seconds");
    first = saved_number(state, "figures.first");
    second = saved_number(state, "figures.second");
    best = saved_number(state, "figures.best");
    losses[0] = saved_number(state, "logged.classes");
    losses[1] = saved_number(state, "logged.boxes");
}

} // namespace fovea::cli
