// What an anchor's match can be besides the number of an object.
#pragma once

namespace fovea {

// As in torchvision's Matcher; GluonCV's matchers know only the first.
inline constexpr int below_low_threshold = -1;
inline constexpr int between_thresholds = -2;

// What mine_hard_negatives() makes of below_low_threshold.
inline constexpr int hard_negative = -3;

} // namespace fovea
