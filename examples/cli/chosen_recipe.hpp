// Which recipe a call of `fovea train` means, and what its model makes of it.
#pragma once

#include "model_table.hpp"
#include "train_options.hpp"

namespace fovea::cli {

// The named recipe, or that of the table's kind, with the changes. Throws CLI::ValidationError for changes
// that say nothing to such a table, and for photos' options of another task.
train_recipe recipe_of(const CLI::App& command, const train_options& options, const any_table& table);

} // namespace fovea::cli
