// Optimizers: what turns gradients and a learning rate into new weights, with state that a checkpoint can
// keep.
#pragma once

#include <fovea/error.hpp>
#include <fovea/program/executor.hpp>
#include <fovea/train/optimizer/parameter_range.hpp>

#include <cmath>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fovea {

// The base of sgd, rmsprop, adam and the caller's own. Everything a step depends on is the settings and
// ranges given to the constructor, steps() and the arrays of for_each_state(): what has these goes on bit for
// bit.
class optimizer {
public:
    virtual ~optimizer() = default;

    // One update. weights, gradients: [size()], in the order of the ranges. gradient_scale: factor on every
    // gradient as it is read, for clipping and means over accumulated batches. Throws input_error for other
    // sizes and for a learning rate or scale that is not finite or negative; nothing has changed then.
    // Gradients are not looked at: one that is not finite makes its own weight so, see first_non_finite().
    void step(span<float> weights, span<const float> gradients, double learning_rate, executor& ex,
              float gradient_scale = 1) {
        check_step(weights.size(), gradients.size(), learning_rate, gradient_scale);
        update({weights, gradients, learning_rate, gradient_scale, steps_}, ex);
        ++steps_;
    }

    // "sgd", "rmsprop": names the kind in a checkpoint.
    virtual const char* name() const noexcept = 0;
    // Calls visit(name, values) for every array of state, always in one order and [size()] each. Names are
    // torch's, e.g. "momentum_buffer"; all are there from the beginning.
    virtual void for_each_state(const std::function<void(std::string_view, span<float>)>& visit) = 0;

    // Updates so far.
    std::uint64_t steps() const noexcept { return steps_; }
    void set_steps(std::uint64_t steps) noexcept { steps_ = steps; }
    std::size_t size() const noexcept { return size_; }
    span<const parameter_range> ranges() const noexcept { return ranges_; }

protected:
    // Throws as check_ranges().
    explicit optimizer(std::vector<parameter_range> ranges)
        : ranges_(std::move(ranges)), size_(check_ranges(ranges_)) {}
    optimizer(const optimizer&) = default;
    optimizer& operator=(const optimizer&) = default;

    // A checked step: what update() works on. steps: updates before this one.
    struct step_inputs {
        span<float> weights;
        span<const float> gradients;
        double learning_rate = 0;
        float gradient_scale = 1;
        std::uint64_t steps = 0;
    };
    virtual void update(const step_inputs& in, executor& ex) = 0;

    // Throws input_error unless the setting is finite, at least `least` and below `limit`.
    static void check_setting(const char* what, double value, double least, double limit) {
        if (!std::isfinite(value) || value < least || value >= limit)
            throw input_error(std::string(what) + ": expected a number from " + std::to_string(least) +
                              (std::isfinite(limit) ? " to below " + std::to_string(limit) : "") +
                              ", found " + std::to_string(value));
    }

private:
    void check_step(std::size_t weights, std::size_t gradients, double learning_rate, double scale) const {
        if (weights != size_ || gradients != size_)
            throw input_error("expected " + std::to_string(size_) + " weights and gradients, found " +
                              std::to_string(weights) + " and " + std::to_string(gradients));
        check_setting("learning rate", learning_rate, 0, HUGE_VAL);
        check_setting("gradient scale", scale, 0, HUGE_VAL);
    }

    std::vector<parameter_range> ranges_;
    std::size_t size_ = 0;
    std::uint64_t steps_ = 0;
};

} // namespace fovea
