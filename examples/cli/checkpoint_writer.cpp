#include "checkpoint_writer.hpp"

#include "train_state.hpp"

#include <chrono>
#include <string>
#include <utility>

namespace fovea::cli {

checkpoint_writer::mark checkpoint_writer::mark_of(const training_state& state) {
    return {saved_integer(state, "step"), saved_integer(state, "evaluated")};
}

void checkpoint_writer::resume(const train_position& at) noexcept {
    saved_ = {at.step, at.evaluated};
    last_due_ = at.step;
}

bool checkpoint_writer::is_due(std::uint64_t step, double seconds) const noexcept {
    constexpr double pause = 30; // seconds between checkpoints that nobody asked for
    if (step == 0 || step == last_due_)
        return false;
    return every_ > 0 ? step - last_due_ >= every_ : step % batches_ == 0 && seconds - last_seconds_ >= pause;
}

void checkpoint_writer::hold(training_state state, double seconds) {
    last_due_ = mark_of(state).step;
    last_seconds_ = seconds;
    held_ = std::move(state);
}

void checkpoint_writer::release() {
    if (held_) {
        wait();
        written_ = mark_of(*held_);
        writing_ = std::async(std::launch::async,
                              [this, state = *std::exchange(held_, std::nullopt)] { folder_.save(state); });
    }
    check();
}

void checkpoint_writer::drop() {
    held_.reset();
    wait();
}

void checkpoint_writer::check() {
    if (writing_.valid() && writing_.wait_for(std::chrono::seconds(0)) == std::future_status::ready)
        wait();
}

void checkpoint_writer::wait() {
    if (!writing_.valid())
        return;
    writing_.get();
    saved_ = written_;
}

void checkpoint_writer::save(const training_state& state) {
    const mark now = mark_of(state);
    if (!is_finite(state))
        throw error("the weights are not finite behind step " + std::to_string(now.step) +
                    "; no checkpoint is written of them");
    folder_.save(state);
    saved_ = now;
}

} // namespace fovea::cli
