// From a recipe and options to what the engine and the loader are made of.
#pragma once

#include "train_data.hpp"
#include "train_engine.hpp"
#include "train_loader.hpp"
#include "train_options.hpp"

#include <map>
#include <string>

namespace fovea::cli {

train_choice engine_choice(const train_options& o, const train_recipe& r, const any_table& table);

// `source` is left to the caller.
train_loader_choice loader_choice(const train_options& o, const train_recipe& r, const preset& input);
// Throw input_error for an augmentation of another task.
detection_source source_of(const train_data& data, const train_recipe& r);
classification_source source_of(const classification_data& data, const train_recipe& r);

// What options change of a table, for a resumed run to have again.
std::map<std::string, std::string> table_settings_of(const any_table& table);

} // namespace fovea::cli
