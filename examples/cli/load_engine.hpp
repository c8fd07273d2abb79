// From the options of a model command to an engine with weights.
#pragma once

#include "engine.hpp"

namespace fovea::cli {

// Finds the weights (--weights, the environment's FOVEA_WEIGHTS, a published file in the cache, a published
// file fetched now), reads and checks them. Every error begins with the file or says what to do.
std::unique_ptr<engine> load_engine(const model_options& options);

} // namespace fovea::cli
