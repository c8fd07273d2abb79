// Recipes by name, which set everything at once, as the references trained their models.
#pragma once

#include "train_recipe.hpp"

#include <fovea/tensor/view.hpp>

#include <string_view>

namespace fovea::cli {

struct named_recipe {
    std::string_view name, what;
    train_recipe settings;
};

// Of detectors, then of classifiers.
span<const named_recipe> recipes();
// Throws input_error that lists them.
const train_recipe& recipe_named(std::string_view name);

} // namespace fovea::cli
