// What a detector returns for an image: labelled, scored boxes, best first.
#pragma once

#include <fovea/detect/box.hpp>

namespace fovea {

// label counts from 0 = background, as the classes of the model's head do; score is a probability.
struct detection {
    int label = 0;
    float score = 0;
    fovea::box box;
};

} // namespace fovea
