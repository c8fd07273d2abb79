// One layer with operands of its own, to be run and timed alone.
#pragma once

#include "../support/statistics.hpp"
#include "zoo_layers.hpp"

#include <fovea/program/memory.hpp>

#include <cmath>

namespace fovea::benchmarks {

// Smooth numbers in -1 .. 1: no zeros, no denormals.
inline void fill(float* values, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i)
        values[i] = std::sin(0.37F * static_cast<float>(i % 7919) + 0.1F);
}

inline aligned_floats filled(std::size_t size) {
    aligned_floats values(whole_cache_lines(size) + 16);
    fill(values.data(), size);
    return values;
}

class layer_run {
public:
    layer_run(const zoo_layer& l, executor& ex)
        : layer_(l), executor_(ex), input_(filled(floats_of(l.geometry.in))),
          residual_(filled(residual_floats(l))),
          gate_(filled(static_cast<std::size_t>(padded_channels(l.geometry.in.channels)))),
          weights_(filled(l.run.packed_floats(l.geometry))), output_(floats_of(l.geometry.out) + 16),
          scratch_(whole_cache_lines(l.run.scratch_floats(l.geometry, l.gated)) *
                   static_cast<std::size_t>(ex.concurrency())) {
        call_ = {input_.data(),
                 l.gated ? gate_.data() : nullptr,
                 l.residual ? residual_.data() : nullptr,
                 weights_.data(),
                 output_.data(),
                 scratch_.data()};
    }

    // The median of many runs in about `budget` seconds, in seconds. Short layers are timed several at once.
    double measure(double budget) const {
        constexpr double shortest_sample = 20e-6;
        run(1);
        const double once = seconds([&] { run(1); });
        const int repeats =
            once >= shortest_sample ? 1 : static_cast<int>(shortest_sample / (once + 1e-9)) + 1;
        std::vector<double> times;
        for (double spent = 0; spent < budget || times.size() < 5;) {
            const double sample = seconds([&] { run(repeats); });
            spent += sample;
            times.push_back(sample / repeats);
        }
        return median(std::move(times));
    }

private:
    static std::size_t floats_of(const map_layout& m) {
        return static_cast<std::size_t>(m.pixels()) * static_cast<std::size_t>(m.stride);
    }
    static std::size_t residual_floats(const zoo_layer& l) {
        const auto row = static_cast<std::size_t>(padded_channels(l.geometry.out.channels));
        return l.residual ? static_cast<std::size_t>(l.geometry.out.pixels()) * row : 0;
    }
    void run(int times) const noexcept {
        for (int i = 0; i < times; ++i)
            layer_.run.run(layer_.geometry, call_, executor_);
    }

    const zoo_layer& layer_;
    executor& executor_;
    aligned_floats input_, residual_, gate_, weights_, output_, scratch_;
    operands call_;
};

} // namespace fovea::benchmarks
