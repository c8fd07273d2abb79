#include "train_data.hpp"

#include "../coco_dataset.hpp"
#include "../voc_xml.hpp"

#include <fovea/io/image.hpp>
#include <fovea/io/labels.hpp>

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace fovea::cli {

namespace {

namespace fs = std::filesystem;

// Appends the samples of another split of one folder; ids stay different.
void join(detection_dataset& data, detection_dataset more) {
    const auto shift = static_cast<std::int64_t>(data.samples.size());
    for (detection_sample& sample : more.samples) {
        sample.id += shift;
        data.samples.push_back(std::move(sample));
    }
    data.issues.insert(data.issues.end(), more.issues.begin(), more.issues.end());
}

// Names of all objects in these splits, so that every split has every class.
std::vector<std::string> voc_classes(const data_source& source, const examples::voc_options& options) {
    std::set<std::string> names;
    for (const std::string& split : source.splits) {
        const detection_dataset data = examples::read_voc(source.path, split, options);
        names.insert(data.classes.begin() + 1, data.classes.end());
    }
    std::vector<std::string> classes{"__background__"};
    classes.insert(classes.end(), names.begin(), names.end());
    return classes;
}

detection_dataset read_voc_splits(const data_source& source, const data_options& o,
                                  const std::vector<std::string>& classes) {
    examples::voc_options options;
    options.one_based = o.one_based;
    options.classes = classes.empty() ? voc_classes(source, options) : classes;
    if (options.classes.size() < 2)
        throw input_error(source.path + ": no object in any annotation");
    detection_dataset data;
    data.classes = options.classes;
    for (const std::string& split : source.splits)
        join(data, examples::read_voc(source.path, split, options));
    return data;
}

// classes: none for those of the files.
detection_dataset read_source(const data_source& source, const data_options& o, const char* option,
                              const std::vector<std::string>& classes) {
    std::error_code code;
    if (fs::is_directory(source.path, code)) {
        if (!source.images.empty())
            throw input_error(std::string(option) + "-images is for COCO files; " + source.path +
                              " is a folder");
        return read_voc_splits(source, o, classes);
    }
    if (source.images.empty())
        throw input_error(source.path +
                          " is no folder of VOC; for a COCO file name the folder of its photos with " +
                          option + "-images");
    examples::coco_options options;
    options.classes = classes;
    options.labeling =
        o.category_ids ? examples::coco_labeling::category_ids : examples::coco_labeling::contiguous;
    return examples::read_coco(source.path, source.images, options);
}

// One name a line; the background may be left out.
std::vector<std::string> read_classes(const std::string& path) {
    const file_bytes bytes = read_file(path);
    std::istringstream text(std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    std::vector<std::string> classes{"__background__"};
    for (std::string line; std::getline(text, line);) {
        if (!line.empty() && line.back() == '\r')
            line.pop_back();
        if (line.empty() || (classes.size() == 1 && (line == "__background__" || line == "background")))
            continue;
        classes.push_back(line);
    }
    if (classes.size() < 2)
        throw format_error(path + ": expected one class name a line, found none");
    return classes;
}

void require_objects(const detection_dataset& data, const std::string& path, const char* what) {
    if (data.samples.empty())
        throw input_error(path + ": no photo to " + what);
    std::size_t objects = 0;
    for (const detection_sample& sample : data.samples)
        for (const labeled_box& object : sample.objects)
            objects += object.crowd ? 0 : 1;
    if (objects == 0)
        throw input_error(path + ": no object to " + what + " in " + std::to_string(data.samples.size()) +
                          " photos");
}

// Throws input_error unless a photo has the size that its annotation says.
void check_size(const detection_sample& sample, const image& photo) {
    if (photo.width != sample.size.width || photo.height != sample.size.height)
        throw input_error(sample.photo + ": expected " + std::to_string(sample.size.width) + "x" +
                          std::to_string(sample.size.height) + " pixels as " + sample.annotation_file +
                          " says, found " + std::to_string(photo.width) + "x" + std::to_string(photo.height));
}
void check_size(const classified_photo&, const image&) {}

// Reads every photo of the validation set, so that an evaluation after hours does not fail.
template <class Dataset>
void check_photos(Dataset& data, bool skip_unreadable, std::vector<data_issue>& issues) {
    decltype(data.samples) good;
    for (auto& sample : data.samples) {
        try {
            check_size(sample, read_image(fs::path(sample.photo)));
            good.push_back(std::move(sample));
        } catch (const error& e) {
            if (!skip_unreadable)
                throw;
            issues.push_back({sample.photo, 0, e.what(), "left out"});
        }
    }
    data.samples = std::move(good);
}

// A name is a line of labels.txt.
void check_names(const std::vector<std::string>& classes, const std::string& path) {
    for (const std::string& name : classes)
        if (name.find_first_of("\r\n") != std::string::npos)
            throw format_error(path + ": the class name '" + name + "' has a line break");
}

// A split that is trained on and evaluated is reported once.
void add_issues(std::vector<data_issue>& issues, const std::vector<data_issue>& more) {
    std::set<std::string> known;
    for (const data_issue& issue : issues)
        known.insert(to_text(issue));
    for (const data_issue& issue : more)
        if (known.insert(to_text(issue)).second)
            issues.push_back(issue);
}

} // namespace

train_data read_train_data(const data_options& o) {
    train_data data;
    data.train = read_source(o.train, o, "--train",
                             o.labels.empty() ? std::vector<std::string>() : read_classes(o.labels));
    require_objects(data.train, o.train.path, "train on");
    check_names(data.train.classes, o.train.path);
    add_issues(data.issues, data.train.issues);
    if (o.val.path.empty())
        return data;
    data.val = read_source(o.val, o, "--val", data.train.classes);
    add_issues(data.issues, data.val.issues);
    check_photos(data.val, o.skip_unreadable, data.issues);
    require_objects(data.val, o.val.path, "evaluate");
    return data;
}

classification_data read_classification_data(const data_options& o) {
    std::vector<std::string> classes;
    if (!o.labels.empty()) {
        classes = read_classes(o.labels);
        classes.erase(classes.begin()); // the background
    }
    classification_data data;
    data.train = read_image_folder(o.train.path, classes);
    check_names(data.train.classes, o.train.path);
    if (o.val.path.empty())
        return data;
    data.val = read_image_folder(o.val.path, data.train.classes);
    check_photos(data.val, o.skip_unreadable, data.issues);
    if (data.val.samples.empty())
        throw input_error(o.val.path + ": no photo to evaluate");
    return data;
}

namespace {

// FNV-1a of 64 bits, in hexadecimal.
std::string checksum(const std::string& text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (char c : text)
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    std::ostringstream digits;
    digits << std::hex << hash;
    return digits.str();
}

} // namespace

std::string fingerprint(const detection_dataset& data) {
    std::ostringstream text;
    text.precision(9);
    std::size_t objects = 0;
    for (const detection_sample& sample : data.samples) {
        text << fs::path(sample.photo).filename().string() << ' ' << sample.size.width << ' '
             << sample.size.height;
        for (const labeled_box& o : sample.objects)
            text << ' ' << o.label << ' ' << o.corners.x1 << ' ' << o.corners.y1 << ' ' << o.corners.x2 << ' '
                 << o.corners.y2 << o.difficult << o.crowd;
        text << '\n';
        objects += sample.objects.size();
    }
    return std::to_string(data.samples.size()) + " photos, " + std::to_string(objects) + " objects, checksum " +
           checksum(text.str());
}

std::string fingerprint(const classification_dataset& data) {
    std::string text;
    for (const classified_photo& sample : data.samples)
        text += fs::path(sample.photo).filename().string() + ' ' + std::to_string(sample.label) + '\n';
    return std::to_string(data.samples.size()) + " photos, checksum " + checksum(text);
}

} // namespace fovea::cli
