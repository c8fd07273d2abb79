// A run of training as a picture: loss and learning rate above, AP below.
#pragma once

#include "train_log.hpp"

#include <string>
#include <vector>

namespace fovea::cli {

// A PNG of 1000x800 pixels, or of 1000x440 with only one of the two. Loss as it was and smoothed,
// learning rate, AP and AP50 with the best AP marked, over epochs. Throws input_error when no row has a loss
// or an AP.
std::string draw_curves(const std::vector<log_row>& rows, const std::string& title);

} // namespace fovea::cli
