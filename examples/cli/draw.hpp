// Results drawn onto photos, with cairo.
#pragma once

#include "engine.hpp"

namespace fovea::cli {

// A copy of the photo with a box and a label tab for every object; a class has one colour. Lines and letters
// grow with the photo.
image draw_objects(image_view photo, const std::vector<found_object>& objects);

// A copy of the photo with the classes and their probabilities listed in a corner.
image draw_classes(image_view photo, const std::vector<scored_class>& classes);

} // namespace fovea::cli
