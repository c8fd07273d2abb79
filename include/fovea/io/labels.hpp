// Class names: the published lists, and the names of a model with its own classes.
#pragma once

#include <fovea/io/labels_coco.hpp>
#include <fovea/io/labels_imagenet.hpp>
#include <fovea/tensor/view.hpp>

#include <string>
#include <vector>

namespace fovea {

// The 20 Pascal VOC classes behind the background, in the devkit's (alphabetical) order.
inline constexpr std::string_view voc_labels[] = {"__background__",
                                                  "aeroplane",
                                                  "bicycle",
                                                  "bird",
                                                  "boat",
                                                  "bottle",
                                                  "bus",
                                                  "car",
                                                  "cat",
                                                  "chair",
                                                  "cow",
                                                  "diningtable",
                                                  "dog",
                                                  "horse",
                                                  "motorbike",
                                                  "person",
                                                  "pottedplant",
                                                  "sheep",
                                                  "sofa",
                                                  "train",
                                                  "tvmonitor"};

// Of the BCCD data set: platelets, red and white blood cells.
inline constexpr std::string_view blood_cell_labels[] = {"__background__", "Platelets", "RBC", "WBC"};

// Names for `classes` classes: the published list of that length (91 COCO, 21 VOC, 1000 ImageNet), or "class
// 0", ...
inline std::vector<std::string> default_labels(std::size_t classes) {
    for (span<const std::string_view> names :
         {span<const std::string_view>(coco_labels), span<const std::string_view>(voc_labels),
          span<const std::string_view>(imagenet_labels)})
        if (names.size() == classes)
            return {names.begin(), names.end()};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < classes; ++i)
        names.push_back("class " + std::to_string(i));
    return names;
}

} // namespace fovea
