// When a run of training writes checkpoints, and how: while it goes on, and only of states that led to a
// finite loss.
#pragma once

#include "train_position.hpp"

#include <fovea/train/checkpoint_folder.hpp>

#include <cstdint>
#include <future>
#include <optional>

namespace fovea::cli {

class checkpoint_writer {
public:
    // every: steps between checkpoints; 0: at ends of epochs of `batches` steps, twice a minute at most. The
    // folder must outlive the writer.
    checkpoint_writer(const checkpoint_folder& folder, std::uint64_t every, std::uint64_t batches)
        : folder_(folder), every_(every), batches_(batches) {}

    // `at` is on the disk: a resumed run begins there.
    void resume(const train_position& at) noexcept;
    // From now on, seconds of training, pauses between checkpoints count.
    void begin(double seconds) noexcept { last_seconds_ = seconds; }

    bool is_due(std::uint64_t step, double seconds) const noexcept;
    // Keeps a state until the next loss is known.
    void hold(training_state state, double seconds);
    // That loss is finite: writes what is held while training goes on, since disks may take seconds.
    void release();
    // That loss is not, or training ends: forgets what is held and waits for what is being written.
    void drop();
    // Throws what the writing of a checkpoint threw, as release() and drop() do.
    void check();

    bool has(const train_position& at) const noexcept {
        return at.step == saved_.step && at.evaluated == saved_.evaluated;
    }
    // The step of the last checkpoint on the disk; 0: there is none.
    std::uint64_t saved_step() const noexcept { return saved_.step; }
    // Writes the state at once. Throws error when it is not finite, and as checkpoint_folder does.
    void save(const training_state& state);

private:
    // Which state a checkpoint has.
    struct mark {
        std::uint64_t step = 0, evaluated = 0;
    };
    static mark mark_of(const training_state& state);
    void wait();

    const checkpoint_folder& folder_;
    std::uint64_t every_, batches_;
    std::optional<training_state> held_;
    std::future<void> writing_;
    mark written_, saved_;       // what writing_ writes, and the last one on the disk
    std::uint64_t last_due_ = 0; // a step
    double last_seconds_ = 0;
};

} // namespace fovea::cli
