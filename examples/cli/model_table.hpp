// Any table of the zoo, and what the options of a call make of it.
#pragma once

#include "model_options.hpp"

#include <fovea/models/zoo.hpp>

#include <variant>

namespace fovea::cli {

using any_table = std::variant<tables::mobilenet_v2_table, tables::mobilenet_v3_table,
                               tables::efficientnet_table, tables::ssdlite_table, tables::efficientdet_table>;

// The table with the changes that the options ask for. Throws CLI::ValidationError for those that say nothing
// to such a table.
any_table with_options(const any_table& table, const model_options& options);

} // namespace fovea::cli
