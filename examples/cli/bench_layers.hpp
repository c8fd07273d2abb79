// What each step of a pass costs, for fovea bench --layers.
#pragma once

#include "engine.hpp"
#include "json_file.hpp"

#include <vector>

namespace fovea::cli {

// Times of every step in seconds, one a pass.
class step_times {
public:
    explicit step_times(const engine& model) : model_(model), seconds_(model.steps().size()) {}

    // Runs the steps of a pass in their order, so that each finds the map that the one before it wrote and
    // its weights as far from the core as a pass leaves them. The model has run a pass before.
    void measure_pass();

    // One entry a step by the median of its times. `roof`: GFLOP/s that the threads could reach.
    json figures(double roof) const;

private:
    const engine& model_;
    std::vector<std::vector<double>> seconds_; // by step
};

// The figures added up by kernel, slowest first, and of all steps.
json totals_by_kernel(const json& layers, double roof);

void print_layers(const json& layers, const json& totals);

} // namespace fovea::cli
