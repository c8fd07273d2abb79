// The schedule that waits for a metric to stop improving: zylo117's recipe.
#pragma once

#include <fovea/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

namespace fovea {

// Defaults are those of torch's ReduceLROnPlateau.
struct plateau_settings {
    double factor = 0.1;
    std::int64_t patience = 10; // epochs without improvement that are let pass
    bool larger_is_better = false;
    double threshold = 1e-4;   // an improvement is more than this part of the best value,
    bool absolute = false;     // or, when set, more than this number
    std::int64_t cooldown = 0; // epochs after a reduction that do not count
    double min_rate = 0;
    double least_change = 1e-8; // torch's eps: smaller reductions are not made
};

// What a plateau has come to: a checkpoint saves these four numbers.
struct plateau_state {
    double rate = 0;
    double best = 0; // infinite before the first metric
    std::int64_t bad_epochs = 0, cooldown_left = 0;
};

// ReduceLROnPlateau, step for step.
class plateau {
public:
    // Throws input_error for a base rate, threshold, least change or lowest rate that is negative or not
    // finite, a factor outside [0, 1) and negative counts.
    explicit plateau(double base_rate, const plateau_settings& settings = {})
        : settings_(settings), state_{base_rate, worst(settings), 0, 0} {
        const auto check = [](const char* what, double value, double limit) {
            if (!(value >= 0 && value < limit))
                throw input_error(std::string("plateau: unexpected ") + what + " " + std::to_string(value));
        };
        const double infinite = std::numeric_limits<double>::infinity();
        check("base rate", base_rate, infinite);
        check("factor", settings.factor, 1);
        check("threshold", settings.threshold, infinite);
        check("lowest rate", settings.min_rate, infinite);
        check("least change", settings.least_change, infinite);
        check("patience", static_cast<double>(settings.patience), infinite);
        check("cooldown", static_cast<double>(settings.cooldown), infinite);
    }

    // The rate of the epoch to come.
    double rate() const noexcept { return state_.rate; }

    // The metric of the epoch that has ended. A NaN is no improvement.
    void observe(double metric) noexcept {
        if (improves(metric)) {
            state_.best = metric;
            state_.bad_epochs = 0;
        } else {
            ++state_.bad_epochs;
        }
        if (state_.cooldown_left > 0) {
            --state_.cooldown_left;
            state_.bad_epochs = 0;
        }
        if (state_.bad_epochs <= settings_.patience)
            return;
        const double reduced = std::max(state_.rate * settings_.factor, settings_.min_rate);
        if (state_.rate - reduced > settings_.least_change)
            state_.rate = reduced;
        state_.cooldown_left = settings_.cooldown;
        state_.bad_epochs = 0;
    }

    const plateau_state& state() const noexcept { return state_; }
    void set_state(const plateau_state& state) noexcept { state_ = state; }

private:
    static double worst(const plateau_settings& s) noexcept {
        const double infinite = std::numeric_limits<double>::infinity();
        return s.larger_is_better ? -infinite : infinite;
    }

    bool improves(double metric) const noexcept {
        const double margin = settings_.larger_is_better ? settings_.threshold : -settings_.threshold;
        const double bar = settings_.absolute ? state_.best + margin : state_.best * (1 + margin);
        return settings_.larger_is_better ? metric > bar : metric < bar;
    }

    plateau_settings settings_;
    plateau_state state_;
};

} // namespace fovea
