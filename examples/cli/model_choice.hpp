// A model as the command line spells it: a name of the zoo, changes to its table and to its weights.
#pragma once

#include "model_options.hpp"
#include "model_table.hpp"

#include <fovea/models/zoo.hpp>
#include <fovea/program/weights.hpp>

#include <string>

namespace fovea::cli {

// What an engine is made of.
struct model_choice {
    std::string name;
    model_task what = model_task::classification;
    span<const published_weights> published{};
    any_table table;
    load_options load;
    fusion_level fusion = fusion_level::blocks;
};

// Applies the options to the table of that name. Throws CLI::ValidationError where they do not fit the model,
// io_error when the labels cannot be read.
model_choice choose(const model_options& options);

} // namespace fovea::cli
