// The photos that a network learns from and is evaluated on, checked before training begins: VOC folders or COCO files
// for detectors, a folder a class for classifiers.
#pragma once

#include <fovea/train/data/detection_dataset.hpp>
#include <fovea/train/data/image_folder.hpp>

#include <string>
#include <vector>

namespace fovea::cli {

// Where annotated photos are.
struct data_source {
    std::string path;                // a VOC folder, or COCO's instances_*.json
    std::string images;              // COCO: folder of the photos
    std::vector<std::string> splits; // VOC: files in ImageSets/Main, joined
};

struct data_options {
    data_source train, val;
    bool one_based = false;    // VOC: the first pixel is 1
    bool category_ids = false; // COCO: labels are the categories' ids, as torchvision's are
    std::string labels;        // file with the names of the classes
    bool skip_unreadable = false;
};

struct train_data {
    detection_dataset train, val;   // both with the classes of train
    std::vector<data_issue> issues; // each once
};

struct classification_data {
    classification_dataset train, val; // both with the classes of train
    std::vector<data_issue> issues;
};

// Throws io_error that lists missing files, format_error for files and labels that break a rule, input_error
// when there is nothing to learn or to evaluate.
train_data read_train_data(const data_options& options);

// The same for folders with a folder for each class, as torchvision's ImageFolder has it.
classification_data read_classification_data(const data_options& options);

// Photos, objects and a checksum of both: what a resumed run must have again. Folders may have moved.
std::string fingerprint(const detection_dataset& data);
std::string fingerprint(const classification_dataset& data);

} // namespace fovea::cli
