// A recipe's settings as options of the command line and as text: each with its range and its help.
#pragma once

#include "train_recipe.hpp"

#include <fovea/tensor/view.hpp>

#include <map>
#include <string>
#include <variant>
#include <vector>

namespace fovea::cli {

// One setting: its option, which member it is, and the values that it can have.
struct recipe_field {
    using member = std::variant<int train_recipe::*, double train_recipe::*, bool train_recipe::*,
                                std::string train_recipe::*, std::vector<int> train_recipe::*,
                                std::vector<std::string> train_recipe::*>;

    const char* option;
    member value;
    const char* help;
    double least = 0, most = 0;    // of numbers
    const char* choices = nullptr; // of words, with spaces between them
};

// All of them, in the order of the help.
span<const recipe_field> recipe_fields();

// "0.15", "80,110", "sgd"; "yes" and "no" for flags.
std::string field_text(const train_recipe& recipe, const recipe_field& field);
// Sets a field from its text; of a list of words, which an option may repeat, adds to it. Throws input_error
// that says what was expected.
void set_field(train_recipe& recipe, const recipe_field& field, const std::string& text);

// The fields as settings that a resumed run must have again.
std::map<std::string, std::string> settings_of(const train_recipe& recipe);

} // namespace fovea::cli
