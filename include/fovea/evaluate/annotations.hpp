// What evaluation compares: boxes that people drew and boxes that a detector scored, by image and category.
#pragma once

#include <fovea/math/rounded.hpp>

#include <algorithm>
#include <cstdint>

namespace fovea {

// Upper left corner and size in pixels, as COCO files keep boxes.
struct rectangle {
    double x = 0, y = 0, width = 0, height = 0;
};

// A ground-truth object. Crowds (COCO) and difficult objects (VOC) excuse detections but need not be found.
struct annotated_box {
    std::int64_t image_id = 0, category_id = 0;
    rectangle box;
    double area = 0; // of the object's mask where there is one; decides whether it is small, medium or large
    bool is_crowd = false;
    bool difficult = false;
};

// A detection in the pixels of the original image.
struct scored_box {
    std::int64_t image_id = 0, category_id = 0;
    rectangle box;
    double score = 0;
};

// IoU of a detection with an object; with a crowd the share of the detection that lies inside. 0 unless they
// overlap. Double arithmetic in the order of pycocotools (common/maskApi.c, bbIou).
inline double overlap(const rectangle& detected, const rectangle& object, bool is_crowd) noexcept {
    const double width =
        std::min(detected.width + detected.x, object.width + object.x) - std::max(detected.x, object.x);
    const double height =
        std::min(detected.height + detected.y, object.height + object.y) - std::max(detected.y, object.y);
    if (!(width > 0 && height > 0))
        return 0;
    const double shared = rounded(width * height), detected_area = rounded(detected.width * detected.height);
    return shared /
           (is_crowd ? detected_area : detected_area + rounded(object.width * object.height) - shared);
}

} // namespace fovea
