// The training loop: steps, evaluations, the log and checkpoints, so that a run that was stopped at any
// moment goes on as if it had not been.
#pragma once

#include "checkpoint_writer.hpp"
#include "interrupt.hpp"
#include "pace.hpp"
#include "progress.hpp"
#include "train_engine.hpp"
#include "train_folder.hpp"
#include "train_loader.hpp"
#include "train_log.hpp"
#include "train_position.hpp"
#include "train_schedule.hpp"
#include "train_validation.hpp"

#include <map>
#include <memory>
#include <optional>
#include <string>

namespace fovea::cli {

// How often what happens.
struct train_rhythm {
    std::uint64_t eval_every = 1;       // epochs; 0: at the end only
    std::uint64_t checkpoint_every = 0; // steps; 0: at ends of epochs, twice a minute at most
    std::uint64_t log_every = 1;        // steps
    std::uint64_t accumulate = 1;       // steps of an update: between updates there are no checkpoints
    bool keep_best = true, half = false;
};

// Everything that a run works with; all of it must outlive the run.
struct train_parts {
    train_engine& engine;
    train_loader& loader;
    train_schedule& schedule;
    const train_folder& folder;
    const validation* evaluation = nullptr; // none: nothing is evaluated
    std::vector<data_issue> issues;         // of the data set
    train_rhythm rhythm;
    log_kind kind = log_kind::detection;
    std::map<std::string, std::string> settings; // that a resumed run must have again
};

class train_run {
public:
    explicit train_run(const train_parts& parts);

    // Goes on from the folder's last whole checkpoint; says so on standard error. Throws as checkpoint_folder
    // and require_same_settings do.
    void resume();
    // To the end, or until SIGINT or SIGTERM: returns the signal, 0 at the end. Throws error when the loss or
    // a gradient is not finite, and whatever else stops a run; the last whole checkpoint stays.
    int operator()();

private:
    void train_step();
    void log_step(const train_result& result, double rate);
    [[noreturn]] void stop_not_finite(const image_batch& batch, const std::string& where) const;
    bool evaluation_is_due() const noexcept;
    bool evaluate(); // false: interrupted
    bool keep_best(const state_dict& weights);
    std::string figures_text(const char* format) const;
    log_row row_now() const;
    void log_figures(); // of an evaluation
    void checkpoint_if_due();
    void save_now();
    training_state state() const;
    void finish();
    void end_epoch();
    void report_issues();

    double epoch() const noexcept { return static_cast<double>(at_.step) / static_cast<double>(batches_); }
    double seconds() const noexcept { return at_.seconds + pace_.elapsed(); }
    bool between_updates() const noexcept { return at_.step % parts_.rhythm.accumulate != 0; }

    train_parts parts_;
    std::uint64_t batches_; // of an epoch
    train_position at_;
    std::optional<train_log> log_;
    checkpoint_writer checkpoints_;
    double loss_ = no_value;   // of the last step
    std::size_t left_out_ = 0; // issues of the loader that have been reported
    std::string classes_;      // figures of each at the last evaluation in this process
    pace pace_;
    progress_bar bar_{"training"};
    interrupt_watch interrupt_;
};

} // namespace fovea::cli
