// The options of `fovea train`.
#pragma once

#include "model_choice.hpp"
#include "recipe_fields.hpp"
#include "train_data.hpp"
#include "train_recipe.hpp"

#include <string>
#include <utility>
#include <vector>

namespace fovea::cli {

struct train_options {
    model_options model;
    data_options data;
    std::string recipe;                                               // empty: the model's own
    std::vector<std::pair<const recipe_field*, std::string>> changes; // of the recipe, as they were given

    std::string output_dir;
    bool resume = false, overwrite = false;
    int eval_every = 1;       // epochs; 0: at the end only
    int checkpoint_every = 0; // steps; 0: at ends of epochs, twice a minute at most
    int log_every = 1;        // steps
    bool keep_best = true, half = false;

    int threads = 1, workers = 1, cache_mb = 512;
    bool recompute = false;
};

// Where photos are.
void add_data_options(CLI::App& command, data_options& options);
void add_train_options(CLI::App& command, train_options& options);

} // namespace fovea::cli
