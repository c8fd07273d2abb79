// Learning-rate schedules that depend on the step alone: those of the recipes that the models were trained
// with.
#pragma once

#include <fovea/error.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace fovea {

// What a warm-up of n steps, linear from start_factor * base to base, does to the schedule behind it.
enum class warmup : unsigned char {
    before,   // the schedule begins at its own step 0 when the warm-up ends (torch's SequentialLR)
    over,     // multiplies the schedule's first n steps (torchvision detection's first epoch)
    in_place, // replaces the schedule's first n steps (official EfficientDet)
};

// A learning rate for every step. A step is what the caller counts, iterations or epochs; held() mixes both.
// A value without state: a resumed run asks for the same step again. Rates are computed in double in closed
// form; torch's recursive schedulers agree to rounding.
class schedule {
public:
    // The same rate at every step. All of these throw input_error for a base rate or a number that is not
    // finite or is negative, and for counts below 1.
    static schedule constant(double base) { return schedule(shape::constant, base); }
    // CosineAnnealingLR: eta_min + (base - eta_min) (1 + cos(pi step / steps)) / 2; rises again behind
    // `steps`.
    static schedule cosine(double base, std::int64_t steps, double eta_min = 0) {
        schedule s(shape::cosine, base);
        s.steps_ = at_least_one("steps", steps);
        s.number_ = not_negative("eta_min", eta_min);
        return s;
    }
    // StepLR: times gamma every step_size steps. MobileNetV3: 2 and 0.973, in epochs.
    static schedule step(double base, std::int64_t step_size, double gamma = 0.1) {
        schedule s(shape::step, base);
        s.steps_ = at_least_one("step size", step_size);
        s.number_ = not_negative("gamma", gamma);
        return s;
    }
    // MultiStepLR: times gamma at each milestone, in any order.
    static schedule multistep(double base, std::vector<std::int64_t> milestones, double gamma = 0.1) {
        schedule s(shape::multistep, base);
        std::sort(milestones.begin(), milestones.end());
        s.milestones_ = std::move(milestones);
        s.number_ = not_negative("gamma", gamma);
        return s;
    }
    // ExponentialLR: times gamma every step.
    static schedule exponential(double base, double gamma) {
        schedule s(shape::exponential, base);
        s.number_ = not_negative("gamma", gamma);
        return s;
    }
    // base (1 - step / steps)^power, 0 from `steps` on. Segmentation: 0.9, in iterations.
    static schedule poly(double base, std::int64_t steps, double power = 0.9) {
        schedule s(shape::poly, base);
        s.steps_ = at_least_one("steps", steps);
        s.number_ = not_negative("power", power);
        return s;
    }
    // Official EfficientDet: linear from start_rate, then a cosine over steps - warmup_steps that the warm-up
    // does not shift, so that the rate rises again slightly at the very end.
    static schedule efficientdet_cosine(double base, std::int64_t steps, std::int64_t warmup_steps,
                                        double start_rate) {
        return cosine(base, steps - warmup_steps)
            .with_warmup(warmup_steps, base > 0 ? start_rate / base : 1, warmup::in_place);
    }

    // With a warm-up of this many steps; 0 steps: none.
    schedule with_warmup(std::int64_t steps, double start_factor, warmup how = warmup::before) const {
        schedule s = *this;
        if (steps < 0)
            throw input_error("schedule: expected a warm-up of at least 0 steps, found " +
                              std::to_string(steps));
        s.warmup_steps_ = steps;
        s.start_factor_ = not_negative("start factor", start_factor);
        s.how_ = how;
        return s;
    }
    // The schedule proper (not its warm-up) moves only every `steps` steps: epochs of so many iterations.
    schedule held(std::int64_t steps) const {
        schedule s = *this;
        s.hold_ = at_least_one("steps to hold", steps);
        return s;
    }

    double base_rate() const noexcept { return base_; }

    // The rate that step number `step` is taken with, from 0; for a negative one that of step 0.
    double rate(std::int64_t step) const noexcept {
        step = std::max<std::int64_t>(step, 0);
        if (step >= warmup_steps_)
            return shape_at((how_ == warmup::before ? step - warmup_steps_ : step) / hold_);
        const double done = static_cast<double>(step) / static_cast<double>(warmup_steps_);
        return (start_factor_ + (1 - start_factor_) * done) *
               (how_ == warmup::over ? shape_at(step / hold_) : base_);
    }

private:
    enum class shape : unsigned char { constant, cosine, step, multistep, exponential, poly };

    schedule(shape s, double base) : shape_(s), base_(not_negative("base rate", base)) {}

    double shape_at(std::int64_t t) const noexcept {
        constexpr double pi = 3.14159265358979323846;
        const double steps = static_cast<double>(steps_), at = static_cast<double>(t);
        switch (shape_) {
        case shape::constant:
            return base_;
        case shape::cosine:
            return number_ + (base_ - number_) * (1 + std::cos(pi * at / steps)) / 2;
        case shape::step:
            return base_ * std::pow(number_, static_cast<double>(t / steps_));
        case shape::multistep:
            return base_ * std::pow(number_, static_cast<double>(
                                                 std::upper_bound(milestones_.begin(), milestones_.end(), t) -
                                                 milestones_.begin()));
        case shape::exponential:
            return base_ * std::pow(number_, at);
        case shape::poly:
            return t >= steps_ ? 0 : base_ * std::pow(1 - at / steps, number_);
        }
        return base_;
    }

    static double not_negative(const char* what, double value) {
        if (!std::isfinite(value) || value < 0)
            throw input_error(std::string("schedule: expected a finite ") + what + " of at least 0, found " +
                              std::to_string(value));
        return value;
    }
    static std::int64_t at_least_one(const char* what, std::int64_t value) {
        if (value < 1)
            throw input_error(std::string("schedule: expected a number of ") + what +
                              " of at least 1, found " + std::to_string(value));
        return value;
    }

    shape shape_;
    double base_;
    double number_ = 0; // eta_min, gamma or power
    std::int64_t steps_ = 1, hold_ = 1, warmup_steps_ = 0;
    double start_factor_ = 1;
    warmup how_ = warmup::before;
    std::vector<std::int64_t> milestones_;
};

} // namespace fovea
