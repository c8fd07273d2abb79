// The exponential moving average of weights that is evaluated and shipped instead of the weights of the last
// step.
#pragma once

#include <fovea/error.hpp>
#include <fovea/train/optimizer/vector_pass.hpp>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

// Official EfficientDet: decay 0.9998 with the ramp.
struct ema_settings {
    double decay = 0.9998; // what the average keeps at an update
    // Update n, from 0, keeps at most (1 + n) / (10 + n), so that a young average follows (TensorFlow's
    // num_updates).
    bool ramp = false;
};

} // namespace fovea

FOVEA_ARCH_NAMESPACE_BEGIN

namespace optimizer_detail {

struct ema_rule {
    vector fresh;
    void operator()(std::array<vector, 1>& average, const std::array<vector, 1>& value) const noexcept {
        average[0] = multiply_add(value[0] - average[0], fresh, average[0]);
    }
};

} // namespace optimizer_detail

// average = decay * average + (1 - decay) * values, after every optimizer step. One for the parameters; the
// buffers' averages are another. Its state is values() and updates().
class moving_average {
public:
    // Begins as a copy of `initial`. Throws input_error for a decay outside [0, 1].
    explicit moving_average(span<const float> initial, const ema_settings& settings = {})
        : settings_(settings), average_(initial.begin(), initial.end()) {
        if (!(settings.decay >= 0 && settings.decay <= 1))
            throw input_error("moving average: expected a decay from 0 to 1, found " +
                              std::to_string(settings.decay));
    }

    // Throws input_error for another size than the initial one.
    void update(span<const float> values, executor& ex) {
        if (values.size() != average_.size())
            throw input_error("moving average: expected " + std::to_string(average_.size()) +
                              " values, found " + std::to_string(values.size()));
        const vector fresh(static_cast<float>(1 - decay()));
        for_each_chunk(ex, values.size(), [&](std::size_t, std::size_t begin, std::size_t end) {
            pass_over<1, 1>({average_.data()}, {values.data()}, begin, end,
                            optimizer_detail::ema_rule{fresh});
        });
        ++updates_;
    }

    // What the next update keeps.
    double decay() const noexcept {
        const auto n = static_cast<double>(updates_);
        return settings_.ramp ? std::min(settings_.decay, (1 + n) / (10 + n)) : settings_.decay;
    }

    span<float> values() noexcept { return average_; }
    span<const float> values() const noexcept { return average_; }
    std::uint64_t updates() const noexcept { return updates_; }
    void set_updates(std::uint64_t updates) noexcept { updates_ = updates; }

private:
    ema_settings settings_;
    std::vector<float> average_;
    std::uint64_t updates_ = 0;
};

FOVEA_ARCH_NAMESPACE_END
