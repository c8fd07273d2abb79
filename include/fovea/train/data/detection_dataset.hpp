// Photos with the boxes that people drew on them: what readers of annotation files make and loaders and
// evaluation take.
#pragma once

#include <fovea/detect/box.hpp>
#include <fovea/evaluate/annotations.hpp>
#include <fovea/preprocess/image.hpp>
#include <fovea/train/data/data_issue.hpp>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea {

// One annotated object, in pixels of the photo.
struct labeled_box {
    box corners;
    int label = 0;          // 1 .. classes - 1
    bool difficult = false; // VOC
    bool crowd = false;     // COCO: a box around a group
    double area = 0;        // of the mask where there is one, else of the box; pixels
    std::size_t line = 0;   // of annotation_file; 0 when unknown
};

struct detection_sample {
    std::string photo; // path
    image_size size;   // as the annotation says
    std::vector<labeled_box> objects;
    std::string annotation_file;
    std::int64_t id = 0; // COCO's image id; a sample's number otherwise
};

struct detection_dataset {
    std::vector<std::string> classes; // names by label; classes[0] is the background
    std::vector<detection_sample> samples;
    std::vector<data_issue> issues; // what the reader found, each once
};

// How many objects of each label there are, classes.size() numbers. Crowds count.
inline std::vector<std::size_t> count_objects(const detection_dataset& data) {
    std::vector<std::size_t> counts(data.classes.size(), 0);
    for (const detection_sample& sample : data.samples)
        for (const labeled_box& object : sample.objects)
            if (const auto label = static_cast<std::size_t>(object.label); label < counts.size())
                ++counts[label];
    return counts;
}

// The objects as evaluate_coco() and evaluate_voc() take them: image_id is the sample's id, category_id the
// label.
inline std::vector<annotated_box> annotated_boxes(const detection_dataset& data) {
    std::vector<annotated_box> boxes;
    for (const detection_sample& sample : data.samples)
        for (const labeled_box& object : sample.objects) {
            const box& b = object.corners;
            const auto x = static_cast<double>(b.x1), y = static_cast<double>(b.y1);
            boxes.push_back({sample.id,
                             object.label,
                             {x, y, static_cast<double>(b.x2) - x, static_cast<double>(b.y2) - y},
                             object.area,
                             object.crowd,
                             object.difficult});
        }
    return boxes;
}

// Removes samples without an object that training uses (torchvision's _coco_remove_images_without_annotations
// for sets of many unlabelled photos). Returns how many.
inline std::size_t remove_empty_samples(detection_dataset& data) {
    const auto unused = [](const detection_sample& sample) {
        return std::all_of(sample.objects.begin(), sample.objects.end(),
                           [](const labeled_box& object) { return object.crowd; });
    };
    const std::size_t before = data.samples.size();
    data.samples.erase(std::remove_if(data.samples.begin(), data.samples.end(), unused), data.samples.end());
    return before - data.samples.size();
}

} // namespace fovea
